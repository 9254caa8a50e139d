import type { StoredContainer } from './container-directory.ts';
import type { ContainerLife } from './container-record.ts';
import type { ContainerSummary } from './containers.ts';

/** A row of `ps`. `life` is what was observed of the container. */
export function summaryOf({ id, name, record }: StoredContainer, life: ContainerLife, nowMs: number): ContainerSummary {
  return {
    id,
    name,
    image: record.image,
    imageId: record.imageId,
    command: record.command.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' '),
    created: record.created,
    state: life.kind,
    status: statusText(life, nowMs),
    labels: new Map(Object.entries(record.config.Labels ?? {})),
  };
}

/** As Docker words it: `Up 2 minutes`, `Exited (1) 5 seconds ago`, `Created`. */
export function statusText(life: ContainerLife, nowMs: number): string {
  if (life.kind === 'created') return 'Created';
  if (life.kind === 'running') return `Up ${durationText(nowMs - Date.parse(life.startedAt))}`;
  return `Exited (${life.exitCode}) ${durationText(nowMs - Date.parse(life.finishedAt))} ago`;
}

function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(seconds / 3600);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return counted(seconds, 'second');
  if (minutes < 60) return minutes === 1 ? 'About a minute' : counted(minutes, 'minute');
  if (hours < 48) return hours === 1 ? 'About an hour' : counted(hours, 'hour');
  if (hours < 24 * 7 * 2) return counted(Math.floor(hours / 24), 'day');
  if (hours < 24 * 30 * 2) return counted(Math.floor(hours / 24 / 7), 'week');
  if (hours < 24 * 365 * 2) return counted(Math.floor(hours / 24 / 30), 'month');
  return counted(Math.floor(hours / 24 / 365), 'year');
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

import { createHash } from 'node:crypto';
import type { BuildEvent, PlannedStep } from '../../engine/index.ts';

interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly started?: string;
}

/**
 * A build for tools: a JSON object a line, in the shape of BuildKit's SolveStatus (`vertexes`, `statuses`, `logs` and
 * `warnings`; bytes in base64), as `docker buildx build --progress=rawjson` prints it. What varve adds is `reasons`,
 * `unchanged` and `waiting`, which readers of that shape pass over.
 */
export function createRawJsonProgress(): (event: BuildEvent, nowMs: number) => string {
  const vertexes = new Map<number, Vertex>();
  const vertexOf = (step: number): Vertex =>
    vertexes.get(step) ?? plannedVertex({ step, label: `step ${step}`, stage: '' });
  const change = (step: number, changes: object): string => line({ vertexes: [{ ...vertexOf(step), ...changes }] });

  return (event, nowMs) => {
    switch (event.kind) {
      case 'plan':
        for (const step of event.steps) vertexes.set(step.step, plannedVertex(step));
        return line({ vertexes: [...vertexes.values()] });
      case 'waiting':
        return line({ waiting: [{ vertex: vertexOf(event.step).digest }] });
      case 'started':
        vertexes.set(event.step, { ...vertexOf(event.step), started: time(event.timeMs) });
        return change(event.step, {});
      case 'cached':
        return change(event.step, {
          started: vertexOf(event.step).started ?? time(event.timeMs),
          completed: time(event.timeMs),
          cached: true,
        });
      case 'finished':
        return change(event.step, { completed: time(event.timeMs) });
      case 'failed':
        return change(event.step, { completed: time(event.timeMs), error: event.message });
      case 'cancelled':
        return change(event.step, { completed: time(event.timeMs), error: 'context canceled' });
      case 'reason':
        return line({ reasons: [{ vertex: vertexOf(event.step).digest, reason: event.reason }] });
      case 'unchanged':
        return line({ unchanged: [{ vertex: vertexOf(event.step).digest }] });
      case 'output':
        return line({ logs: [logEntry(event, vertexOf(event.step).digest, nowMs)] });
      case 'progress':
        return line({ statuses: [statusEntry(event, vertexOf(event.step).digest, nowMs)] });
      case 'warning': {
        const vertex = event.step === undefined ? '' : vertexOf(event.step).digest;
        return line({ warnings: [{ vertex, level: 1, short: base64(Buffer.from(event.message)) }] });
      }
    }
  };
}

function plannedVertex({ step, label }: PlannedStep): Vertex {
  return { digest: `sha256:${createHash('sha256').update(`${step} ${label}`).digest('hex')}`, name: label };
}

function logEntry(event: BuildEvent & { kind: 'output' }, vertex: string, nowMs: number): object {
  return { vertex, stream: 1, data: base64(event.bytes), timestamp: time(nowMs) };
}

function statusEntry(event: BuildEvent & { kind: 'progress' }, vertex: string, nowMs: number): object {
  const { what, done, total } = event;
  const completed = done === total ? { completed: time(nowMs) } : {};
  return {
    id: what,
    vertex,
    name: what,
    current: done,
    ...(total === undefined ? {} : { total }),
    timestamp: time(nowMs),
    ...completed,
  };
}

function line(status: object): string {
  return `${JSON.stringify(status)}\n`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function time(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

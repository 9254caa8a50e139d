import type { BuildResult } from '../../engine/index.ts';
import type { Output } from '../output.ts';
import type { BuildProgress, ProgressMode } from './build-progress.ts';
import { LiveArea } from './live-area.ts';
import { advanceBuild, drawBuild, drawFailures, startLiveBuild } from './live-view.ts';
import { PlainProgress } from './plain-progress.ts';
import { createRawJsonProgress } from './rawjson-progress.ts';

const redrawMs = 100;

/** The progress that was asked for, on `output`. `auto` is the live view on a terminal, lines elsewhere. */
export function openProgress(mode: ProgressMode, output: Output, now: () => number): BuildProgress {
  const effective = mode === 'auto' || mode === 'tty' ? (output.isTerminal ? 'tty' : 'plain') : mode;
  switch (effective) {
    case 'plain':
      return plain(output, now);
    case 'tty':
      return live(output, now);
    case 'rawjson':
      return rawJson(output, now);
    case 'quiet':
      return { event: () => {}, end: () => {} };
  }
}

function plain(output: Output, now: () => number): BuildProgress {
  const progress = new PlainProgress();
  return {
    event: (event) => output.print(progress.event(event, now())),
    end: (result) => output.print(progress.end(result)),
  };
}

function rawJson(output: Output, now: () => number): BuildProgress {
  const format = createRawJsonProgress();
  return { event: (event) => output.print(format(event, now())), end: () => {} };
}

function live(output: Output, now: () => number): BuildProgress {
  const area = new LiveArea(output);
  const build = startLiveBuild(now());
  const paint = (): void => {
    const { columns, rows } = output;
    area.paint(drawBuild(build, { nowMs: now(), columns, rows: rows - 1 }));
  };
  const timer = setInterval(paint, redrawMs);
  return {
    event: (event) => advanceBuild(build, event),
    end: (result) => {
      clearInterval(timer);
      area.paint(drawBuild(build, { nowMs: now(), columns: output.columns }));
      output.print(result === undefined ? drawFailures(build) : formatNames(result));
    },
  };
}

function formatNames({ targets }: BuildResult): string {
  return targets
    .flatMap(({ imageId, names }) => [
      ...(imageId === undefined ? [] : [`writing image ${imageId}`]),
      ...names.map((name) => `naming to ${name}`),
    ])
    .map((line) => ` => ${line}\n`)
    .join('');
}

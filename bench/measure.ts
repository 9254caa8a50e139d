import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** One way of doing a piece of work; `prepare` runs before each round and is not measured. */
export interface Contender {
  readonly name: string;
  readonly prepare?: () => void;
  readonly run: () => void;
}

export interface Figures {
  readonly name: string;
  readonly medianMs: number;
  readonly bestMs: number;
  readonly rounds: number;
}

/** Runs the contenders in turn, round by round, so that whatever else the machine does meets all of them. */
export function alternate(contenders: readonly Contender[], rounds: number): readonly Figures[] {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, prepare, run } of contenders) {
      prepare?.();
      const startMs = performance.now();
      run();
      times.get(name)?.push(performance.now() - startMs);
    }
  }
  return [...times].map(([name, all]) => ({
    name,
    medianMs: median(all),
    bestMs: Math.min(...all),
    rounds: all.length,
  }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Runs a command to its end; its failure ends the measurement. */
export function must(command: string, args: readonly string[], options: CommandOptions = {}): string {
  const { env = {}, cwd, input } = options;
  const ended = spawnSync(command, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input }),
  });
  if (ended.status === 0) return ended.stdout;
  throw new Error(`${command} ${args.join(' ')}: exit code ${ended.status}\n${ended.stdout}${ended.stderr}`);
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
}

/** Largest resident set of a command and what it waited for, in MiB (GNU time). */
export function peakMemoryMiB(command: string, args: readonly string[], options: CommandOptions = {}): number {
  const { env = {} } = options;
  const ended = spawnSync('/usr/bin/time', ['-f', '%M', command, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (ended.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ended.stderr}`);
  return Number(ended.stderr.trim().split('\n').at(-1)) / 1024;
}

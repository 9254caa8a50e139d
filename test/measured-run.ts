import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repository, type Ended, type TestStore } from './test-store.ts';

/** What the program may have in memory at most, whatever it is given. */
export const maxPeakKiB = 200_000_000 / 1024;

const lookAgainMs = 10;

export interface Measured extends Ended {
  /** The most memory that it had, as far as was seen. */
  readonly peakKiB: number;
}

export interface MeasuredOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Then it is killed. */
  readonly timeoutMs: number;
  readonly stdin?: string;
}

/** Runs `varve ARGS…`, and looks how much memory it takes. */
export async function measuredRun(
  store: TestStore,
  args: readonly string[],
  { timeoutMs, ...options }: MeasuredOptions,
): Promise<Measured> {
  let peakKiB = 0;
  const timers: NodeJS.Timeout[] = [];
  const ended = await store.run(args, {
    ...options,
    onStart: ({ pid, kill }) => {
      timers.push(setInterval(() => (peakKiB = Math.max(peakKiB, peakOf(pid))), lookAgainMs));
      timers.push(setTimeout(() => kill('SIGKILL'), timeoutMs));
    },
  });
  for (const timer of timers) clearTimeout(timer);
  return { ...ended, peakKiB };
}

/** 0 where it is gone. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** True where the launcher takes the bundle: only the program as it is shipped is worth measuring. */
export function isBundled(): boolean {
  const bundle = statSync(join(repository, 'dist/varve.cjs'), { throwIfNoEntry: false });
  const sources = globSync('src/**/*.ts', { cwd: repository });
  return bundle !== undefined && sources.every((path) => statSync(join(repository, path)).mtimeMs <= bundle.mtimeMs);
}

import { setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import type { ContainerDirectory, StoredContainer } from './container-directory.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { Store } from './store.ts';

export interface AwaitContext {
  readonly store: Store;
  readonly directory: ContainerDirectory;
  readonly runner: ContainerRunner;
}

/**
 * The exit code of a container that runs, once it has ended. Its monitor may be killed, and others may tidy or remove it
 * meanwhile. Fault `cancelled` after an abort.
 */
export async function awaitEnd(
  { id }: StoredContainer,
  { store, directory, runner, signal }: AwaitContext & { readonly signal: AbortSignal },
): Promise<number> {
  const { bundle } = directory.place(id);
  for (;;) {
    try {
      return await store.monitor().wait(bundle, { signal });
    } catch (error) {
      if (Fault.is(error, 'cancelled')) throw error;
      const now = directory.get(id);
      if (now === undefined) return killedExitCode;
      const life = runner.observe(now);
      if (life.kind === 'exited') return life.exitCode;
    }
    await delay(lookAgainMs);
  }
}

/** Whether it ends before the time is up. */
export async function endsWithin(
  container: StoredContainer,
  options: AwaitContext & { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { timeoutMs, signal } = options;
  const eitherSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    await awaitEnd(container, { ...options, signal: eitherSignal });
    return true;
  } catch (error) {
    if (!Fault.is(error, 'cancelled') || signal.aborted) throw error;
    return false;
  }
}

const lookAgainMs = 100;

/** One that was removed while it ran was killed. */
const killedExitCode = 137;

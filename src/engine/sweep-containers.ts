import type { ContainerDirectory } from './container-directory.ts';
import { isContainerId } from './container-name.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { Store } from './store.ts';

export interface SweepContext {
  readonly store: Store;
  readonly directory: ContainerDirectory;
  readonly runner: ContainerRunner;
}

/**
 * Takes away what the dead have left: of containers that ended unseen or whose start was killed, of removals that were,
 * and of temporary areas. Whatever somebody holds a lock on is left to them. Cheap where there is nothing to do.
 */
export async function sweepContainers(context: SweepContext): Promise<void> {
  const { store, directory } = context;
  const areas = store.areas.list();
  const ids = new Set([...areas, ...directory.list().map(({ id }) => id), ...store.runtimes.ids()]);
  for (const id of ids) {
    if (isContainerId(id)) await sweepContainer(id, context);
    else if (!store.areas.isOwned(id)) await sweepArea(id, context);
  }
}

async function sweepContainer(id: string, { directory, runner }: SweepContext): Promise<void> {
  const held = directory.tryLock(id);
  if (held === undefined) return;
  try {
    const container = directory.get(id);
    if (container === undefined) await runner.discardStray(id);
    else if (runner.hasLeftovers(container)) await runner.end(container);
  } finally {
    held.remove();
  }
}

async function sweepArea(id: string, { store, runner }: SweepContext): Promise<void> {
  await runner.forget(id);
  store.areas.remove(id);
}

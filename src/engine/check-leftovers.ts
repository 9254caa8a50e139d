import { Fault } from '../errors/index.ts';
import type { Checking } from './check-findings.ts';
import type { Leftover } from './leftovers.ts';

interface Clearing {
  readonly message: string;
  readonly clear: () => Promise<void> | void;
}

/**
 * Finds what dead processes left behind: work areas, mounts, states of the runtime, partial writes, trash. `left` is what
 * was there before the check itself, by a repair, put something into the trash.
 */
export async function checkLeftovers(checking: Checking, left: readonly Leftover[]): Promise<void> {
  const { store, containers, findings, repair } = checking;
  const found: readonly Clearing[] = [
    ...left.map(({ name, description, remove }) => ({
      message: `${name}: ${description}`,
      clear: remove,
    })),
    ...strayMounts(checking),
    ...deadRuntimeStates(checking),
    ...staleRecords(checking),
  ];
  if (repair) await containers.sweep();
  for (const { message, clear } of found) findings.leftover(message, repair && (await cleared(clear)));
  if (repair) store.areas.emptyTrash();
}

/** What somebody took up meanwhile is no longer a left-over. */
async function cleared(clear: Clearing['clear']): Promise<boolean> {
  try {
    await clear();
    return true;
  } catch (error) {
    if (Fault.is(error, 'unavailable') || Fault.is(error, 'not-found')) return true;
    throw error;
  }
}

/** Views of containers that do not run; those of areas that nobody owns go with the area. */
function strayMounts({ store: { areas, state }, containers }: Checking): readonly Clearing[] {
  const running = new Set(containers.list({ all: false }).map(({ id }) => id));
  return state.containers
    .list()
    .filter(({ id }) => !running.has(id) && areas.isMounted(id))
    .map(({ id, name }) => ({
      message: `container ${name}: its view is mounted, and it does not run`,
      clear: (): void => areas.unmount(id),
    }));
}

/** Containers that the runtime knows and nobody waits for. */
function deadRuntimeStates({ store }: Checking): readonly Clearing[] {
  const ids = store.runtimes
    .ids()
    .filter((id) => !store.areas.isOwned(id) && store.state.containers.get(id) === undefined);
  return ids.map((id) => ({
    message: `container ${id} of the runtime: its owner has ended`,
    clear: () => store.runtimes.holding(id)?.delete(id),
  }));
}

/** Cache records whose layers are gone can never be of use. */
function staleRecords({ store }: Checking): readonly Clearing[] {
  const stored = new Set<string>(store.layers.list().map(({ diffId }) => diffId));
  return store.state.cache
    .list()
    .filter(({ digests }) => !digests.every((digest) => stored.has(digest)))
    .map(({ label, definitionKey }) => ({
      message: `cache record of "${label}": its layers are not stored`,
      clear: (): void => store.state.cache.delete([definitionKey]),
    }));
}

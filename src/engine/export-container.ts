import { Tree } from '../host/index.ts';
import { throwIfAborted } from '../std/index.ts';
import { noSuchContainer, type ContainerDirectory } from './container-directory.ts';
import type { ContainerRunner } from './container-runner.ts';
import { hasWritableLayer, readStubs } from './container-setup.ts';
import { exportTree } from './export-tree.ts';
import type { Store } from './store.ts';

export interface ExportContext {
  readonly store: Store;
  readonly directory: ContainerDirectory;
  readonly runner: ContainerRunner;
  readonly signal: AbortSignal;
}

/**
 * The container's tree as a tar, without what is mounted in it. One that does not run is mounted for as long as this
 * takes, and cannot be started meanwhile.
 */
export async function* exportContainer(
  id: string,
  context: ExportContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { store, directory, runner, signal } = context;
  const held = await directory.lock(id, signal);
  try {
    const container = directory.get(id);
    if (container === undefined) throw noSuchContainer(id);
    if (runner.observe(container).kind !== 'running' && runner.hasLeftovers(container)) await runner.end(container);
    const place = directory.place(id);
    using _view = store.areas.isMounted(id) ? undefined : mounted(container.record.chain, { store, place });
    const stubs = new Set<string>(readStubs(place).map(({ path }) => path));
    using tree = Tree.open(place.target);
    for (const piece of exportTree(tree, (path) => stubs.has(path))) {
      throwIfAborted(signal, `export ${container.name}`);
      yield piece;
    }
  } finally {
    held.remove();
  }
}

function mounted(
  chain: Parameters<Store['snapshotter']['view']>[0],
  { store, place }: { readonly store: Store; readonly place: ReturnType<ContainerDirectory['place']> },
): Disposable {
  store.areas.lasting(place.id);
  if (hasWritableLayer(place)) return store.snapshotter.writable(chain, place);
  return store.snapshotter.view(chain, place.target);
}

import type { ContainerPlace, StoredContainer } from './container-directory.ts';
import { hasWritableLayer, readStubs } from './container-setup.ts';
import type { ContainerChange } from './containers.ts';
import type { Store } from './store.ts';
import { stubFilterFor } from './stub-filter.ts';

/** What the container changed in its writable layer; nothing before it is first started. */
export function containerChanges(
  { record }: StoredContainer,
  options: { readonly store: Store; readonly place: ContainerPlace },
): readonly ContainerChange[] {
  const { store, place } = options;
  if (!hasWritableLayer(place)) return [];
  const { chain } = record;
  const { workDir } = place;
  const filter = stubFilterFor(readStubs(place), { layers: store.layers, chain, workDir });
  const changes = filter.changes([...store.snapshotter.changes(chain, workDir)]);
  return changes.map(({ kind, path }) => ({ kind: letters[kind], path }));
}

const letters = { added: 'A', changed: 'C', deleted: 'D' } as const;

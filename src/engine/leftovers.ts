import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isLocked, processStartTime, Tree } from '../host/index.ts';
import { LayerFiles } from '../layer/index.ts';
import { bytesOf } from '../std/index.ts';
import { isContainerId } from './container-name.ts';
import { diskUsage } from './disk-usage.ts';
import type { Store } from './store.ts';

/** Something that a process left behind, which did not live to clear it away. */
export interface Leftover {
  readonly kind: 'work' | 'ingest' | 'trash';
  /** Path below the store, or of a mount point. */
  readonly name: string;
  /** What it is, for people: `work area of a step whose process has ended`. */
  readonly description: string;
  readonly sizeBytes: number;
  /** Clears it away; nothing there any more is no failure. */
  readonly remove: () => void;
}

/** What nobody owns any more: work areas, partial downloads and writes, and what was renamed away. */
export function findLeftovers(store: Store): readonly Leftover[] {
  return [...deadAreas(store), ...deadIngests(store), ...trash(store)];
}

/** All work that is not finished or not deleted yet, in living hands or not. */
export function unfinishedWork(store: Store): readonly Leftover[] {
  const { root, areas } = store;
  const steps = areas.list().filter((id) => !isContainerId(id));
  const ingests = namesIn(join(root, 'ingest'));
  return [...steps.map((id) => deadArea(store, id)), ...ingests.map((name) => ingest(root, name)), ...trash(store)];
}

function deadAreas(store: Store): readonly Leftover[] {
  const areas = store.areas.list();
  const ids = new Set([...areas, ...namesIn(join(store.root, 'containers'))]);
  const dead = [...ids].filter((id) => (isContainerId(id) ? isStray(store, id) : !store.areas.isOwned(id)));
  return dead.map((id) => deadArea(store, id));
}

/** A container's record comes before its area and goes before it; whoever changes either holds its lock. */
function isStray({ state, runRoot }: Store, id: string): boolean {
  return state.containers.get(id) === undefined && !isLocked(join(runRoot, 'locks', `${id}.lock`));
}

function deadArea({ root, areas }: Store, id: string): Leftover {
  return {
    kind: 'work',
    name: `work/${id}`,
    description: isContainerId(id) ? 'writable layer of a container that was removed' : 'work area of a dead process',
    sizeBytes: diskUsage(join(root, 'work', id)) + diskUsage(join(root, 'containers', id)),
    remove: () => {
      areas.remove(id);
      removeBelow(join(root, 'containers'), id);
    },
  };
}

function deadIngests({ root, blobs }: Store): readonly Leftover[] {
  const downloads = blobs.ingests().filter((each) => !each.open);
  const writes = new LayerFiles(root).abandoned().map((path) => basename(path));
  const probes = namesIn(join(root, 'ingest')).filter((name) => isDeadProbe(name));
  return [
    ...downloads.map(({ name }) => ingest(root, name, () => void blobs.discardIngest(name))),
    ...[...writes, ...probes].map((name) => ingest(root, name)),
  ];
}

function isDeadProbe(name: string): boolean {
  const pid = Number(/^probe-(\d+)$/.exec(name)?.[1] ?? 0);
  return pid > 0 && processStartTime(pid) === undefined;
}

function ingest(root: string, name: string, remove?: () => void): Leftover {
  const path = join(root, 'ingest', name);
  return {
    kind: 'ingest',
    name: `ingest/${name}`,
    description: name.startsWith('blob-') ? 'partial download' : 'unfinished write',
    sizeBytes: diskUsage(path),
    remove: remove ?? (() => removeBelow(join(root, 'ingest'), name)),
  };
}

function trash({ root, areas }: Store): readonly Leftover[] {
  return namesIn(join(root, 'trash')).map((name) => ({
    kind: 'trash',
    name: `trash/${name}`,
    description: 'deleted, still on the disk',
    sizeBytes: diskUsage(join(root, 'trash', name)),
    remove: () => areas.emptyTrash(),
  }));
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).toSorted() : [];
}

/** A tree may hold names that are no text. */
function removeBelow(folder: string, name: string): void {
  if (!existsSync(folder)) return;
  using tree = Tree.open(folder);
  tree.remove(bytesOf(name));
}

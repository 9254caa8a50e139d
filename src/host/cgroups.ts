import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, textOf } from '../std/index.ts';
import { faulting } from './errno.ts';
import { readMountInfo } from './mount-info.ts';
import type { MountInfo } from './mounts.ts';

/**
 * How control groups are laid out here: all controllers in one tree (`v2`), a tree for each (`v1`), both kinds of trees
 * (`hybrid`), or not mounted at all (`none`).
 */
export interface CgroupLayout {
  readonly kind: 'v1' | 'hybrid' | 'v2' | 'none';
  /** Each controller that can be used (`memory`, `cpu`, `pids`, …) with where its tree is mounted. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Where the unified tree is mounted, where it is. */
  readonly unified: string | undefined;
}

/** Looks at what is mounted now. */
export function cgroupLayout(): CgroupLayout {
  return describeLayout(readMountInfo(), readUnifiedControllers);
}

/** As `cgroupLayout`, from mounts and a reader of a unified tree's controllers. */
export function describeLayout(
  mounts: readonly MountInfo[],
  controllersOf: (unified: string) => readonly string[],
): CgroupLayout {
  const controllers = new Map<string, string>();
  const separate = mounts.filter((each) => each.type === 'cgroup');
  for (const mount of separate) {
    for (const name of mount.superOptions.filter((each) => v1Controllers.has(each))) addFirst(controllers, name, mount);
  }
  const unifiedMount = mounts.find((each) => each.type === 'cgroup2');
  const unified = unifiedMount === undefined ? undefined : targetOf(unifiedMount);
  if (unified !== undefined) for (const name of controllersOf(unified)) controllers.set(name, unified);
  return { kind: kindOf(separate.length > 0, unified !== undefined), controllers, unified };
}

function kindOf(separate: boolean, together: boolean): CgroupLayout['kind'] {
  if (separate) return together ? 'hybrid' : 'v1';
  return together ? 'v2' : 'none';
}

/** A tree may be mounted at several places: the first is the system's own, others are those of some chroot. */
function addFirst(controllers: Map<string, string>, name: string, mount: MountInfo): void {
  if (!controllers.has(name)) controllers.set(name, targetOf(mount));
}

const v1Controllers: ReadonlySet<string> = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'hugetlb',
  'net_cls',
  'net_prio',
  'perf_event',
  'rdma',
  'misc',
]);

function targetOf(mount: MountInfo): string {
  return textOf(mount.target) ?? mount.target;
}

function readUnifiedControllers(unified: string): readonly string[] {
  const path = join(unified, 'cgroup.controllers');
  const text = faulting('read', bytesOf(path), () => readFileSync(path, 'latin1'));
  return text.split(/\s+/).filter((each) => each !== '');
}

import { errnoOf, lstat, Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';

/** Bytes of all files at and below `path`, each counted once however many names it has; 0 where there is nothing (any more). */
export function diskUsage(path: string): number {
  const status = lstat(path);
  if (status === undefined) return 0;
  if (status.type !== 'dir') return status.size;
  try {
    return treeUsage(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

function treeUsage(path: string): number {
  using tree = Tree.open(path);
  const linked = new Set<bigint>();
  let sizeBytes = 0;
  for (const { status: each } of tree.walk(bytesOf(''))) {
    if (each.type !== 'file' || linked.has(each.ino)) continue;
    if (each.nlink > 1) linked.add(each.ino);
    sizeBytes += each.size;
  }
  return sizeBytes;
}

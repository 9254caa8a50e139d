import type { Tree } from '../host/index.ts';
import type { OpenTree } from '../layer/index.ts';
import type { ByteString } from '../std/index.ts';
import { sameContent } from './same-content.ts';
import type { TreeChange } from './tree-change.ts';
import { upperEntries } from './upper-entries.ts';

/**
 * The changes as Docker lists them, sorted by path: a directory in which something changed is changed itself, the root
 * excepted; of what was deleted only the topmost is named.
 */
export function listChanges(upper: Tree, below: OpenTree): readonly TreeChange[] {
  const kinds = new Map<string, TreeChange['kind']>();
  for (const entry of upperEntries(upper, below)) {
    if (entry.kind === 'same' && (entry.status.type === 'dir' || sameContent(upper, below, entry))) continue;
    kinds.set(entry.path, entry.kind === 'same' ? 'changed' : entry.kind);
    for (const parent of parentsOf(entry.path)) if (!kinds.has(parent)) kinds.set(parent, 'changed');
  }
  const paths = [...kinds.keys()].toSorted();
  return paths.map((path) => ({ kind: kinds.get(path) ?? 'changed', path: `/${path}` as ByteString }));
}

function parentsOf(path: ByteString): readonly string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, position) => names.slice(0, position + 1).join('/'));
}

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxMounts } from './linux-mounts.ts';
import { bytesOf } from '../std/index.ts';
import { Tree } from './tree.ts';

/** A directory of a test's own, gone with all that is in it and mounted on it when the test ends: `using`. */
export interface TemporaryDirectory extends Disposable {
  readonly path: string;
}

/** `parent` other than the system's own where the filesystem matters: `/var/tmp` for mounts. */
export function temporaryDirectory(parent: string = tmpdir()): TemporaryDirectory {
  const path = mkdtempSync(join(parent, 'varve-test-'));
  return { path, [Symbol.dispose]: () => clear(parent, path) };
}

function clear(parent: string, path: string): void {
  const mounts = linuxMounts();
  const below = mounts
    .list()
    .map((each) => each.target)
    .filter((each) => `${each}/`.startsWith(`${bytesOf(path)}/`));
  for (const target of below.toReversed()) mounts.unmount(Buffer.from(target, 'latin1').toString(), { detach: true });
  using tree = Tree.open(parent);
  tree.remove(bytesOf(path.slice(parent.length)));
}

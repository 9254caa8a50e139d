import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  rmdirSync,
  lstatSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import type { Seen } from '../erofs/mounted-tree.fixture.ts';
import { hashOfBytes } from '../erofs/mounted-tree.fixture.ts';

/** Operations layer by layer, with the trees and changes that containerd's suites expect. */
export interface Sequence {
  readonly id: string;
  readonly layers: readonly (readonly Operation[])[];
  /** Null for what is not told. */
  readonly treeAfterLayer?: readonly (readonly ExpectedEntry[] | null)[];
  readonly expectedChanges?: readonly (readonly ExpectedChange[])[];
}

export interface ExpectedEntry {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly content?: string;
  readonly link?: string;
  readonly hardlinkGroup?: number;
}

export interface ExpectedChange {
  readonly kind: 'Add' | 'Modify' | 'Delete';
  readonly path: string;
}

type Argument = string | number | { readonly $ident?: string; readonly $expr?: string };

export interface Operation {
  readonly op: string;
  readonly path?: string;
  readonly old?: string;
  readonly new?: string;
  readonly mode?: string;
  readonly content?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly args?: readonly Argument[];
}

const file = join(import.meta.dirname, '../../../shared/data/layer-sequences.json');

/** None where they are not beside the repository. */
export const sequences: readonly Sequence[] = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Sequence[])
  : [];

/** Does what the operation says below `root`, as with umask 0. */
export function applyOperation(root: string, operation: Operation): void {
  const action = actions[operation.op];
  if (action === undefined) throw new Error(`no such operation: ${operation.op}`);
  action(root, operation);
}

const actions: Readonly<Record<string, (root: string, operation: Operation) => void>> = {
  CreateDir: (root, { path = '', mode }) => {
    makeParents(root, path);
    if (!existsSync(join(root, path))) mkdirSync(join(root, path));
    chmodSync(join(root, path), modeOf(mode));
  },
  CreateFile: (root, { path = '', mode, content = '' }) => {
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), modeOf(mode));
  },
  Chmod: (root, { path = '', mode }) => chmodSync(join(root, path), modeOf(mode)),
  Chown: (root, { path = '', uid = 0, gid = 0 }) => lchownSync(join(root, path), uid, gid),
  Link: (root, operation) => linkSync(join(root, operation.old ?? ''), join(root, operation.new ?? '')),
  Symlink: (root, operation) => symlinkSync(operation.old ?? '', join(root, operation.new ?? '')),
  /** Overlayfs does not rename directories of lower layers (EXDEV): mv copies them. */
  Rename: (root, operation) =>
    void execFileSync('mv', ['-T', join(root, operation.old ?? ''), join(root, operation.new ?? '')]),
  Remove: (root, { path = '' }) => {
    const isDirectory = lstatSync(join(root, path)).isDirectory();
    (isDirectory ? rmdirSync : unlinkSync)(join(root, path));
  },
  RemoveAll: (root, { path = '' }) => rmSync(join(root, path), { recursive: true, force: true }),
  Chtimes: (root, { args = [] }) => setTime(root, args),
  Lchtimes: (root, { args = [] }) => setTime(root, args),
  CreateDeviceFile: (root, { args = [] }) => {
    const [path, , major, minor] = args;
    using tree = Tree.open(root);
    tree.mknod(bytesOf(String(path)), { type: 'char', major: Number(major), minor: Number(minor) });
  },
  SetXAttr: (root, { args: [path, name, value] = [] }) => {
    using tree = Tree.open(root);
    tree.setXattr(bytesOf(String(path)), bytesOf(String(name)), bytesOf(String(value)));
  },
};

/** `tt` is `t1` without its fraction of a second, `t2` is later. */
const times: Readonly<Record<string, { readonly sec: number; readonly nsec: number }>> = {
  tt: { sec: 1_600_000_000, nsec: 0 },
  t1: { sec: 1_600_000_000, nsec: 123_456_789 },
  t2: { sec: 1_600_000_100, nsec: 123_456_789 },
};

function setTime(root: string, [path, , mtime]: readonly Argument[]): void {
  const time = typeof mtime === 'object' ? times[mtime.$ident ?? ''] : undefined;
  if (time === undefined) return lutimesSync(join(root, String(path)), 1_600_000_000, 1_600_000_000);
  using tree = Tree.open(root);
  tree.setTimes(bytesOf(String(path)), time);
}

function makeParents(root: string, path: string): void {
  const parent = dirname(path);
  if (existsSync(join(root, parent))) return;
  makeParents(root, parent);
  mkdirSync(join(root, parent));
  chmodSync(join(root, parent), 0o777);
}

function modeOf(text = '0'): number {
  return Number.parseInt(text, 8);
}

/** The tree that is expected, in the shape of `shownTree`. */
export function expectedTree(entries: readonly ExpectedEntry[]): readonly string[] {
  const firstOf = new Map<number, string>();
  return entries.map(({ path, type, mode, uid, gid, content = '', link = '', hardlinkGroup }) => {
    if (hardlinkGroup !== undefined && !firstOf.has(hardlinkGroup)) firstOf.set(hardlinkGroup, path);
    const same = hardlinkGroup === undefined ? '' : (firstOf.get(hardlinkGroup) ?? '');
    const hash = type === 'file' ? hashOfBytes(Buffer.from(content)) : '';
    return [path, type, modeOf(mode).toString(8), `${uid}:${gid}`, link, same, hash].join(' ');
  });
}

/** A tree without its root, as lines. */
export function shownTree(seen: ReadonlyMap<string, Seen>): readonly string[] {
  const entries = [...seen].filter(([path]) => path !== '');
  return entries
    .map(([path, { type, mode, owner, link, same, hash }]) =>
      [`/${path}`, type, mode, owner, link, same === '' ? '' : `/${same}`, hash].join(' '),
    )
    .toSorted();
}

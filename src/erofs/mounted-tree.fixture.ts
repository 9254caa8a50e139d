import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  closeSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { peerProgram } from '../std/docker-peer.fixture.ts';
import { readXattrs, unmount } from './kernel-mount.fixture.ts';

export const canMount: boolean = process.getuid?.() === 0;

/** erofs-utils of 1.7 or later, beside the repository, where the peers are up: only then do they see our files. */
export const hasErofsUtils: boolean =
  spawnSync(peerProgram, ['test', '-x', '/var/tmp/varve-peers/sid/usr/bin/mkfs.erofs']).status === 0;

export function runPeer(...command: string[]): string {
  return execFileSync(peerProgram, command, { encoding: 'utf8' });
}

/** What the kernel shows of one path. `same` names the first path with the same inode, for hard links. */
export interface Seen {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly nlink: number;
  readonly link: string;
  readonly rdev: string;
  readonly same: string;
  readonly hash: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

/** Temporary folder and mount points of one test, on a real file system; `dispose` removes all of it. */
export class MountBench {
  readonly folder: string = mkdtempSync('/var/tmp/varve-erofs-');
  readonly #mounts: string[] = [];
  #count = 0;

  /** Writes a file into the folder and returns its path. */
  put(name: string, bytes: Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** A new directory, on which `mount` mounts something. */
  mounted(mount: (target: string) => void): string {
    const target = join(this.folder, `mnt${(this.#count += 1)}`);
    mkdirSync(target);
    mount(target);
    this.#mounts.push(target);
    return target;
  }

  [Symbol.dispose](): void {
    for (const mount of this.#mounts.toReversed()) unmount(mount);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Every path below `root` (latin1, the root is ''), as the kernel shows it. */
export function walkMounted(root: string): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  const inodes = new Map<bigint, string>();
  const visit = (path: string): void => {
    const full = Buffer.concat([Buffer.from(root), Buffer.from(path === '' ? '' : `/${path}`, 'latin1')]);
    const one = see(full, path, inodes);
    seen.set(path, one);
    if (one.type !== 'dir') return;
    const names = readdirSync(full, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    for (const name of names.toSorted()) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return seen;
}

function see(full: Buffer, path: string, inodes: Map<bigint, string>): Seen {
  const stat = lstatSync(full, { bigint: true });
  const type = typeNames[Number(stat.mode) >> 12] ?? 'unknown';
  if (type !== 'dir' && stat.nlink > 1n && !inodes.has(stat.ino)) inodes.set(stat.ino, path);
  return {
    type,
    mode: (Number(stat.mode) & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    size: type === 'dir' ? 0 : Number(stat.size),
    mtimeNs: stat.mtimeNs,
    nlink: Number(stat.nlink),
    link: type === 'symlink' ? readlinkSync(full, { encoding: 'buffer' }).toString('latin1') : '',
    rdev:
      type === 'char' || type === 'block'
        ? `${(stat.rdev >> 8n) & 0xfffn}:${(stat.rdev & 0xffn) | ((stat.rdev >> 12n) & 0xfff00n)}`
        : '',
    same: type === 'dir' ? '' : (inodes.get(stat.ino) ?? ''),
    hash: type === 'file' ? hashOf(full, stat.size) : '',
    xattrs: readXattrs(full),
  };
}

const typeNames: Readonly<Record<number, string>> = {
  1: 'fifo',
  2: 'char',
  4: 'dir',
  6: 'block',
  8: 'file',
  10: 'symlink',
};

const buffer = Buffer.alloc(1 << 20);

/** Files over 64 MiB are sampled: their ends and what lies around each gigabyte. */
function hashOf(path: Buffer, size: bigint): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const starts = size > 64n << 20n ? sampleStarts(Number(size)) : undefined;
  if (starts === undefined) {
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer))
      hash.update(buffer.subarray(0, count));
  } else {
    for (const start of starts) hash.update(buffer.subarray(0, readSync(file, buffer, 0, buffer.length, start)));
  }
  closeSync(file);
  return hash.digest('hex');
}

function sampleStarts(size: number): number[] {
  const starts = [0, size - (1 << 20)];
  for (let at = 1 << 30; at + (1 << 20) < size; at += 1 << 30) starts.push(at - (1 << 19));
  return starts;
}

export function hashOfBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

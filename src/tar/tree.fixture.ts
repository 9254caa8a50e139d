import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, linkSync, lstatSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bytesFrom, toBuffer } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';

/** One file of a tree as the kernel shows it; times in nanoseconds. */
export interface TreeFile {
  readonly type: string;
  readonly mode: number;
  readonly ids: readonly [number, number];
  readonly mtimeNs: bigint;
  readonly size: number;
  readonly link: ByteString;
  /** Major and minor number. */
  readonly device: readonly [number, number];
  readonly inode: bigint;
  /** Undefined for what is no file and for files that are too large. */
  readonly contentSha256: string | undefined;
}

export const isRoot = process.getuid?.() === 0;

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/** A directory on a file system that has extended attributes and sparse files; removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync('/var/tmp/varve-tar-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What every dialect can hold: short ASCII names, small ids, whole seconds. */
export function makePlainTree(root: string): void {
  mkdirSync(join(root, 'dir/empty'), { recursive: true });
  for (const size of [0, 1, 511, 512, 513, 70_000]) writeFileSync(join(root, `dir/${size}`), Buffer.alloc(size, 'abc'));
  symlinkSync('../somewhere', join(root, 'dir/symlink'));
  linkSync(join(root, 'dir/513'), join(root, 'dir/hard'));
  run('mkfifo', join(root, 'dir/fifo'));
  run('chmod', '4711', join(root, 'dir/1'));
  run('chmod', '1770', join(root, 'dir/empty'));
  if (isRoot) {
    run('chown', '1234:567', join(root, 'dir/511'));
    run('mknod', join(root, 'dir/null'), 'c', '1', '3');
    run('mknod', join(root, 'dir/disk'), 'b', '259', '200000');
  }
}

/** What only GNU and PAX hold: names of any length and bytes, large ids, times before 1970. */
export function makeRichTree(root: string): void {
  makePlainTree(root);
  mkdirSync(join(root, 'long', ...Array.from({ length: 6 }, () => 'd'.repeat(99))), { recursive: true });
  for (const length of [99, 100, 101, 154, 155, 156, 255]) writeFileSync(join(root, 'long', 'n'.repeat(length)), 'x');
  symlinkSync('target/'.repeat(60), join(root, 'long/symlink'));
  writeFileSync(join(root, 'grüße'), 'utf-8');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x72, 0xff, 0xfe, 0x0a, 0x2e])]), 'bytes');
  if (isRoot) run('chown', '4294967294:3000000', join(root, 'grüße'));
}

/** Whole seconds, which every dialect holds. */
export function setPlainTimes(root: string): void {
  run('sh', '-c', `find ${root} -mindepth 1 -exec touch -h -d @1234567890 {} +`);
}

/** Times before 1970, which ustar has no place for. */
export function setEarlyTimes(root: string): void {
  setPlainTimes(root);
  run('touch', '-d', '@-86400', join(root, 'dir/0'));
}

/** Nanoseconds, which only PAX holds. */
export function setFineTimes(root: string): void {
  setEarlyTimes(root);
  run('touch', '-d', '@1234567890.000000001', join(root, 'dir/513'));
}

/** Nanoseconds before 1970. */
export function setFineEarlyTimes(root: string): void {
  setFineTimes(root);
  run('touch', '-d', '@-2.25', join(root, 'dir/1'));
  run('touch', '-d', '@-0.999999999', join(root, 'dir/511'));
}

/** A file of `size` bytes with `text` at each offset and holes between. */
export function makeSparseFile(
  path: string,
  { size, at, text }: { size: number; at: readonly number[]; text: string },
): void {
  const file = openSync(path, 'w');
  for (const offset of at) writeSync(file, text, offset);
  ftruncateSync(file, size);
  closeSync(file);
}

export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
}

/** Every file below `root` by its path from there; files of up to `maxHashed` bytes with their sha256. */
export function readTree(root: string, { maxHashed = 1024 * 1024 } = {}): ReadonlyMap<ByteString, TreeFile> {
  const tree = new Map<ByteString, TreeFile>();
  const visit = (directory: ByteString): void => {
    for (const name of readdirSync(absolute(root, directory), { encoding: 'buffer' })) {
      const path = (directory === '' ? bytesFrom(name) : `${directory}/${bytesFrom(name)}`) as ByteString;
      const file = readFile(absolute(root, path), maxHashed);
      tree.set(path, file);
      if (file.type === 'dir') visit(path);
    }
  };
  visit('' as ByteString);
  return tree;
}

function absolute(root: string, path: ByteString): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), toBuffer(path)]);
}

function readFile(path: Buffer, maxHashed: number): TreeFile {
  const stat = lstatSync(path, { bigint: true });
  const type = typeNames.get(Number(stat.mode) & 0o170000) ?? 'unknown';
  const isSmall = type === 'file' && stat.size <= maxHashed;
  return {
    type,
    mode: Number(stat.mode) & 0o7777,
    ids: [Number(stat.uid), Number(stat.gid)],
    mtimeNs: stat.mtimeNs,
    size: type === 'file' ? Number(stat.size) : 0,
    link: type === 'symlink' ? bytesFrom(readlinkSync(path, { encoding: 'buffer' })) : ('' as ByteString),
    device: [
      Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & ~0xfffn)),
      Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & ~0xffn & 0xffffffffn)),
    ],
    inode: stat.ino,
    contentSha256: isSmall ? createHash('sha256').update(readFileSync(path)).digest('hex') : undefined,
  };
}

const typeNames = new Map([
  [0o100000, 'file'],
  [0o040000, 'dir'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'char'],
  [0o060000, 'block'],
]);

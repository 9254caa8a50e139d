import { readSync, writeSync } from 'node:fs';
import { bytesOf } from '../std/index.ts';
import { errnoFault, faulting } from './errno.ts';
import { statFd } from './file-status.ts';
import { check, libc } from './libc.ts';

/** A stretch of a file that holds data; what lies between two is a hole and reads as zeros. */
export interface DataExtent {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where an open regular file holds data, in ascending order. A filesystem that does not record holes gives one extent
 * over the whole file. It moves the descriptor's offset, which is left at the last hole.
 */
export function dataExtents(fd: number): DataExtent[] {
  const extents: DataExtent[] = [];
  const { size } = statFd(fd);
  for (let end = 0; end < size;) {
    const start = seekTo(fd, end, seekData);
    if (start === undefined) break;
    end = Math.min(seekTo(fd, start, seekHole) ?? size, size);
    if (end <= start) break;
    extents.push({ offset: start, length: end - start });
  }
  return extents;
}

/** A stretch of one open file that is to become a stretch of another. */
export interface CopyRange {
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset: number;
  readonly length: number;
}

/**
 * Copies between two open files, within the kernel (sharing the blocks where the filesystem can) or, where it refuses,
 * through a buffer. Neither descriptor's offset is used or moved. Gives the bytes copied: fewer than asked for only
 * where the source ends.
 */
export function copyRange(range: CopyRange): number {
  let done = 0;
  while (done < range.length) {
    const copied = copyInKernel(range, done) ?? copyThroughBuffer(range, done);
    if (copied === 0) break;
    done += copied;
  }
  return done;
}

/** Gives the blocks of a stretch back: it reads as zeros from then on, the size stays. `unsupported` where the filesystem cannot. */
export function punchHole(fd: number, offset: number, length: number): void {
  const result = libc().fallocate(fd, punchKeepingSize, offset, length);
  check(result, 'punch a hole into', bytesOf(`descriptor ${fd}`));
}

/**
 * Has the kernel begin to write what was written up to here to the disk, so that a later fsync has less to wait for
 * (sync_file_range(2)). It promises nothing: where it cannot be done, nothing is.
 */
export function beginWriteback(fd: number): void {
  libc().syncFileRange(fd, 0, 0, startsWriting);
}

const startsWriting = 2;
const seekData = 3;
const seekHole = 4;
const punchKeepingSize = 3;
const enxio = 6;
/** The kernel's ways to say that it does not copy between these two: EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, ETXTBSY. */
const refusals: ReadonlySet<number> = new Set([18, 22, 38, 95, 26]);
const maxPerCall = 0x7fff_f000;

const fromOffset = Buffer.alloc(8);
const toOffset = Buffer.alloc(8);
const copyBuffer = Buffer.alloc(256 * 1024);

function seekTo(fd: number, offset: number, whence: number): number | undefined {
  const at = libc().lseek(fd, offset, whence);
  if (at >= 0) return at;
  const errno = libc().errno();
  if (errno === enxio) return undefined;
  throw errnoFault(errno, 'seek in', bytesOf(`descriptor ${fd}`));
}

/** Undefined where the kernel refuses. Zero may also mean that it cannot (files of /proc), so the buffer has the last word. */
function copyInKernel(range: CopyRange, done: number): number | undefined {
  fromOffset.writeBigInt64LE(BigInt(range.fromOffset + done));
  toOffset.writeBigInt64LE(BigInt(range.toOffset + done));
  const size = Math.min(range.length - done, maxPerCall);
  const copied = libc().copyFileRange(range.from, fromOffset, range.to, toOffset, size, 0);
  if (copied > 0) return copied;
  if (copied === 0 || refusals.has(libc().errno())) return undefined;
  throw errnoFault(libc().errno(), 'copy', bytesOf(`descriptor ${range.from} to ${range.to}`));
}

function copyThroughBuffer(range: CopyRange, done: number): number {
  return faulting('copy', bytesOf(`descriptor ${range.from} to ${range.to}`), () => {
    const wanted = Math.min(copyBuffer.length, range.length - done);
    const got = readSync(range.from, copyBuffer, 0, wanted, range.fromOffset + done);
    let written = 0;
    while (written < got) {
      written += writeSync(range.to, copyBuffer, written, got - written, range.toOffset + done + written);
    }
    return got;
  });
}

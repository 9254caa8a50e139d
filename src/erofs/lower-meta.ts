import type { ErofsInode } from './read-inode.ts';
import { typeBlock, typeChar, typeDirectory, typeFifo, typeRegular, typeSymlink } from './format.ts';

const typeBits = {
  file: typeRegular,
  dir: typeDirectory,
  symlink: typeSymlink,
  char: typeChar,
  block: typeBlock,
  fifo: typeFifo,
} as const;

/** Type and permission bits of an inode as `st_mode` has them. */
export function fileMode(inode: ErofsInode): number {
  return typeBits[inode.type] | inode.mode;
}

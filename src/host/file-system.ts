import { statfsSync } from 'node:fs';
import { bytesOf } from '../std/index.ts';
import { faulting } from './errno.ts';

/** The filesystem that holds a path. */
export interface FileSystemFacts {
  /** `ext4`, `xfs`, `btrfs`, `tmpfs`, `overlay`, …; `0x` and the magic number in hexadecimal for one not known here. */
  readonly type: string;
  readonly totalBytes: number;
  /** What a program without privilege may still write. */
  readonly availableBytes: number;
  readonly blockSizeBytes: number;
  /** Files that may still be made; undefined where the filesystem sets no limit. */
  readonly availableFiles: number | undefined;
}

export function fileSystemOf(path: string): FileSystemFacts {
  const facts = faulting('look at the filesystem of', bytesOf(path), () => statfsSync(path));
  const magic = facts.type >>> 0;
  return {
    type: typeNames.get(magic) ?? `0x${magic.toString(16)}`,
    totalBytes: facts.blocks * facts.bsize,
    availableBytes: facts.bavail * facts.bsize,
    blockSizeBytes: facts.bsize,
    availableFiles: facts.files === 0 ? undefined : facts.ffree,
  };
}

/** statfs(2), linux/magic.h; ext2, ext3 and ext4 share one number. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0xe0f5e1e2, 'erofs'],
  [0x73717368, 'squashfs'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
  [0x6a656a63, 'virtiofs'],
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
]);

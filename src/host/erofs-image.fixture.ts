/**
 * The smallest EROFS image that shows what mounting needs: a root with one file `f`, whose content is the first
 * `sizeBytes` bytes of the one extra device, in blocks of 4,096 (the kernel's erofs_fs.h).
 */
export function erofsImage(sizeBytes: number): Buffer {
  const image = Buffer.alloc(blockSize * 3);
  superblock(image.subarray(1024));
  image.writeUInt32LE(1, 1024 + 128 + 64);
  inode(image.subarray(blockSize), { mode: 0o040755, layout: flatPlain, size: directorySize, place: 2 });
  inode(image.subarray(blockSize + 32), { mode: 0o100644, layout: chunked, size: sizeBytes, place: chunkIndexes });
  image.writeUInt16LE(1, blockSize + 64 + 2);
  directory(image.subarray(2 * blockSize));
  return image;
}

const blockSize = 4096;
const directorySize = 40;
const flatPlain = 0;
const chunked = 4;
/** Chunks of one block, each with an index that names the device. */
const chunkIndexes = 0x20;
const featureChunks = 4;
const featureDevices = 8;

function superblock(at: Buffer): void {
  at.writeUInt32LE(0xe0f5e1e2, 0);
  at.writeUInt8(12, 12);
  at.writeBigUInt64LE(2n, 16);
  at.writeUInt32LE(3, 36);
  at.writeUInt32LE(1, 40);
  at.writeUInt32LE(featureChunks | featureDevices, 80);
  at.writeUInt16LE(1, 86);
  at.writeUInt16LE((1024 + 128) / 128, 88);
}

interface Inode {
  readonly mode: number;
  readonly layout: number;
  readonly size: number;
  /** A block's number, or the format of chunks. */
  readonly place: number;
}

function inode(at: Buffer, { mode, layout, size, place }: Inode): void {
  at.writeUInt16LE(layout << 1, 0);
  at.writeUInt16LE(mode, 4);
  at.writeUInt16LE(1, 6);
  at.writeUInt32LE(size, 8);
  at.writeUInt32LE(place, 16);
}

function directory(at: Buffer): void {
  const entries = [
    { inode: 0n, nameAt: 36, type: 2 },
    { inode: 0n, nameAt: 37, type: 2 },
    { inode: 1n, nameAt: 39, type: 1 },
  ];
  for (const [index, entry] of entries.entries()) {
    at.writeBigUInt64LE(entry.inode, index * 12);
    at.writeUInt16LE(entry.nameAt, index * 12 + 8);
    at.writeUInt8(entry.type, index * 12 + 10);
  }
  at.write('...f', 36, 'latin1');
}

import { Fault } from '../errors/index.ts';
import { corrupt } from './corrupt.ts';
import {
  blockBits,
  blockSize,
  compatChecksum,
  compatMtime,
  crc32c,
  deviceSlotSize,
  deviceTableOffset,
  incompatChunkedFile,
  incompatDeviceTable,
  roundUp,
  slotSize,
  superMagic,
  superOffset,
  tagSize,
} from './format.ts';
import type { WindowReader } from './window-reader.ts';

/** A tar that an image points into. */
export interface Device {
  /** Which tar: 64 hexadecimal digits of its digest, so that an image names its tars itself. */
  readonly tag: string;
  /** Whole blocks of it, in bytes. */
  readonly sizeBytes: number;
}

/** A device with its place in the image's address space. */
export interface PlacedDevice extends Device {
  readonly blocks: number;
  readonly firstBlock: number;
}

export interface Superblock {
  readonly rootNid: number;
  /** Inodes. */
  readonly inodes: number;
  /** Blocks of the image itself. */
  readonly blocks: number;
  readonly devices: readonly PlacedDevice[];
  readonly describesRoot: boolean;
}

/** Devices that one image may have: the root's inode stands behind their table and its number has 16 bits. */
export const maxDevices = 4096;

/** Offset of the first inode, the root's. */
export function firstInodeOffset(deviceCount: number): number {
  return roundUp(deviceTableOffset + deviceCount * deviceSlotSize, slotSize);
}

/** The places of `devices` behind an image of `blocks` blocks. */
export function placeDevices(devices: readonly Device[], blocks: number): PlacedDevice[] {
  let firstBlock = blocks;
  return devices.map((device) => {
    const placed = { ...device, blocks: Math.floor(device.sizeBytes / blockSize), firstBlock };
    firstBlock += placed.blocks;
    if (firstBlock >= 0xffffffff) throw new Fault('unsupported', 'write an EROFS image: its tars exceed 2 TiB');
    return placed;
  });
}

/** The image's first bytes, up to the first inode. */
export function formatSuperblock(superblock: Superblock): Buffer {
  const { devices, inodes, blocks, rootNid } = superblock;
  const head = Buffer.alloc(Math.max(firstInodeOffset(devices.length), checksumEnd));
  const at = superOffset;
  head.writeUInt32LE(superMagic, at);
  head.writeUInt32LE(compatChecksum | compatMtime, at + 8);
  head.writeUInt8(blockBits, at + 12);
  head.writeUInt16LE(rootNid, at + 14);
  head.writeUInt32LE(inodes, at + 16);
  head.writeUInt32LE(blocks, at + 36);
  head.write(devices[0]?.tag.slice(0, 32) ?? '', at + 48, 'hex');
  head.write(superblock.describesRoot ? volumeName : rootlessVolumeName, at + 64, 'latin1');
  head.writeUInt32LE(incompatChunkedFile | incompatDeviceTable, at + 80);
  head.writeUInt16LE(devices.length, at + 86);
  head.writeUInt16LE(deviceTableOffset / deviceSlotSize, at + 88);
  for (const [index, device] of devices.entries()) {
    const slot = deviceTableOffset + index * deviceSlotSize;
    head.write(device.tag, slot, tagSize, 'latin1');
    head.writeUInt32LE(device.blocks, slot + tagSize);
    head.writeUInt32LE(device.firstBlock, slot + tagSize + 4);
  }
  return head;
}

/**
 * Writes the checksum into the superblock. `image` begins at offset 0 and holds at least the superblock's block, which
 * the checksum covers to its end, whatever stands there.
 */
export function sealSuperblock(image: Buffer): void {
  image.writeUInt32LE(crc32c(image.subarray(superOffset, checksumEnd)), superOffset + 4);
}

/** Reads and checks the superblock and the device table. */
export function readSuperblock(reader: WindowReader): Superblock {
  const block = Buffer.from(reader.bytes(superOffset, blockSize));
  if (block.readUInt32LE(0) !== superMagic) throw corrupt('it has no superblock');
  const checksum = block.readUInt32LE(4);
  block.writeUInt32LE(0, 4);
  if (crc32c(block) !== checksum) throw corrupt('its superblock has a wrong checksum');
  if (block.readUInt8(12) !== blockBits) throw corrupt('its blocks are not of 512 bytes');
  const features = block.readUInt32LE(80);
  const count = block.readUInt16LE(86);
  if (features !== (incompatChunkedFile | incompatDeviceTable) || count > maxDevices) {
    throw corrupt('it has features that varve does not write');
  }
  const name = block.toString('latin1', 64, 80).replace(/\0+$/, '');
  return {
    rootNid: block.readUInt16LE(14),
    inodes: block.readUInt32LE(16),
    blocks: block.readUInt32LE(36),
    devices: Array.from({ length: count }, (_, index) => readDevice(reader, index)),
    describesRoot: name !== rootlessVolumeName,
  };
}

const checksumEnd = superOffset + blockSize;
const volumeName = 'varve';
const rootlessVolumeName = 'varve-rootless';

function readDevice(reader: WindowReader, index: number): PlacedDevice {
  const slot = reader.bytes(deviceTableOffset + index * deviceSlotSize, deviceSlotSize);
  const tag = slot.toString('latin1', 0, tagSize);
  if (!/^[0-9a-f]{64}$/.test(tag)) throw corrupt('it has a device without a digest');
  const blocks = slot.readUInt32LE(tagSize);
  return { tag, blocks, sizeBytes: blocks * blockSize, firstBlock: slot.readUInt32LE(tagSize + 4) };
}

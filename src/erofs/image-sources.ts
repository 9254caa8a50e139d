import { Fault } from '../errors/index.ts';
import { blockSize } from './format.ts';
import { chooseFileMap, wholeExtent } from './file-map.ts';
import type { FileMap, MapSources } from './file-map.ts';
import { contentInTar } from './inode-table.ts';
import type { InodeTable, SourceExtent } from './inode-table.ts';
import type { LayerTar } from './layer-index.ts';
import type { ContentSource } from './lower-links.ts';
import { maxDevices } from './superblock.ts';
import type { Device } from './superblock.ts';

/** Where the contents of an image's files come from: source 0 is the layer's tar, others belong to lower layers. */
export class ImageSources implements MapSources {
  /** The device table: the layer's own tar, then those of lower layers that links lead to. */
  readonly devices: readonly Device[];
  readonly #tar: LayerTar;
  readonly #inodes: InodeTable;
  readonly #maxMapBytes: number;
  readonly #sources: readonly (ContentSource | undefined)[];

  constructor(
    tar: LayerTar,
    inodes: InodeTable,
    options: { readonly sources: readonly ContentSource[]; readonly maxMapBytes: number },
  ) {
    this.#tar = tar;
    this.#inodes = inodes;
    this.#maxMapBytes = options.maxMapBytes;
    this.#sources = [undefined, ...options.sources];
    const lower = options.sources.flatMap((source) => (source.kind === 'device' ? [source.device] : []));
    this.devices = [{ tag: tar.tag, sizeBytes: tar.sizeBytes }, ...lower.filter((device) => device.tag !== tar.tag)];
    if (this.devices.length > maxDevices) throw new Fault('unsupported', 'write an EROFS image: too many tars');
  }

  addressableBytes(source: number): number {
    const found = this.#sources[source];
    if (found?.kind === 'image') return 0;
    const sizeBytes = found?.device.sizeBytes ?? this.#tar.sizeBytes;
    return sizeBytes - (sizeBytes % blockSize);
  }

  canCopy(source: number): boolean {
    return this.#sources[source]?.kind !== 'device';
  }

  /** Number of the source's device in the table, counted from 0. */
  deviceIndex(source: number): number {
    const found = this.#sources[source];
    return found?.kind === 'device' ? this.devices.findIndex((device) => device.tag === found.device.tag) : 0;
  }

  read(source: number, offset: number, length: number): Uint8Array {
    const found = this.#sources[source];
    const bytes = found?.kind === 'image' ? found.image.read(offset, length) : this.#tar.read(offset, length);
    if (bytes.length !== length) throw new Fault('corrupt', 'write an EROFS image: the tar ends too early');
    return bytes;
  }

  /** True if a file whose content is one run in the tar can be pointed to as it is. */
  isWholeInTar(inode: number): boolean {
    const start = (this.#inodes.place[inode] ?? 0) * blockSize;
    const blocks = Math.ceil((this.#inodes.size[inode] ?? 0) / blockSize);
    return start + blocks * blockSize <= this.addressableBytes(0);
  }

  /** The one extent that makes up a file and can be pointed to. */
  wholeExtent(inode: number): SourceExtent | undefined {
    return wholeExtent(this.#inodes.size[inode] ?? 0, this.#extents(inode), this);
  }

  fileMap(inode: number): FileMap {
    const size = this.#inodes.size[inode] ?? 0;
    const map = chooseFileMap(size, this.#extents(inode), { sources: this, maxMapBytes: this.#maxMapBytes });
    if (map === undefined) {
      throw new Fault('unsupported', `write an EROFS image: a sparse file of ${size} bytes is too scattered to map`);
    }
    return map;
  }

  #extents(inode: number): readonly SourceExtent[] {
    const extents = this.#inodes.content[inode] === contentInTar ? this.#oneRun(inode) : this.#inodes.extents(inode);
    for (const extent of extents) {
      if (extent.source === 0 && extent.at + extent.length > this.#tar.sizeBytes) {
        throw new Fault('corrupt', 'write an EROFS image: the tar ends before the content of a file does');
      }
    }
    return extents;
  }

  #oneRun(inode: number): SourceExtent[] {
    const length = this.#inodes.size[inode] ?? 0;
    return [{ offset: 0, length, at: (this.#inodes.place[inode] ?? 0) * blockSize, source: 0 }];
  }
}

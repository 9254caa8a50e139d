import { createHash } from 'node:crypto';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf, scanTar } from '../tar/index.ts';
import type { TarEntry, TarType } from '../tar/index.ts';
import { ErofsImage, LayerIndexer, MergedTree } from './index.ts';
import type { IndexLimits, IndexedLayer, LayerNeeds } from './index.ts';

/** A member of a test's tar; what is left out is 0, '' or the usual mode. */
export interface Member {
  readonly path: string;
  readonly type?: TarType;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly sec?: number;
  readonly nsec?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly data?: string | Buffer;
  readonly xattrs?: Readonly<Record<string, string>>;
}

export function file(path: string, data: string | Buffer = '', more: Partial<Member> = {}): Member {
  return { path, data, ...more };
}

export function dir(path: string, more: Partial<Member> = {}): Member {
  return { path, type: 'dir', mode: 0o755, ...more };
}

export function symlink(path: string, target: string): Member {
  return { path, type: 'symlink', link: target, mode: 0o777 };
}

export function link(path: string, target: string): Member {
  return { path, type: 'link', link: target };
}

export interface TestLayer {
  readonly tar: Buffer;
  readonly tag: string;
  readonly bytes: Buffer;
  readonly image: ErofsImage;
  readonly needs: LayerNeeds;
  readonly selfContained: boolean;
}

/** The tar of `members`: names are bytes (latin1), as everywhere. */
export function makeTar(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  for (const member of members) {
    const data = Buffer.from(member.data ?? '');
    parts.push(formatHeader(entryOf(member)), data, Buffer.alloc(paddingOf(data.length)));
  }
  return Buffer.concat([...parts, endOfArchive]);
}

export function entryOf(member: Member): TarEntry {
  const type = member.type ?? 'file';
  const xattrs = Object.entries(member.xattrs ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    path: member.path as ByteString,
    type,
    mode: member.mode ?? 0o644,
    uid: member.uid ?? 0,
    gid: member.gid ?? 0,
    size: type === 'file' ? Buffer.from(member.data ?? '').length : 0,
    mtime: { sec: member.sec ?? 0, nsec: member.nsec ?? 0 },
    link: (member.link ?? '') as ByteString,
    devMajor: member.major ?? 0,
    devMinor: member.minor ?? 0,
    xattrs: new Map(xattrs.map(([name, value]) => [bytesOf(name), value as ByteString])),
  };
}

interface LayerOptions {
  readonly below?: MergedTree | undefined;
  readonly limits?: Partial<IndexLimits>;
}

/** Indexes a tar and opens the image. */
export function indexTar(tar: Buffer, options: LayerOptions = {}): TestLayer {
  const tag = createHash('sha256').update(tar).digest('hex');
  const indexer = new LayerIndexer(options.limits === undefined ? {} : { limits: options.limits });
  const read = (offset: number, length: number): Buffer => tar.subarray(offset, offset + length);
  scanTar({ size: tar.length, read }, { entry: (entry, place) => void indexer.add(entry, place) });
  const layer = indexer.finish();
  const bytes = imageBytes(layer, { tar: { tag, sizeBytes: tar.length, read }, below: options.below });
  const { needs, selfContained } = layer;
  return { tar, tag, bytes, image: openBytes(bytes), needs, selfContained };
}

/** All bytes of an image. */
export function imageBytes(layer: IndexedLayer, options: Parameters<IndexedLayer['write']>[0]): Buffer {
  const chunks: Buffer[] = [];
  layer.write(options, (chunk) => void chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

export function makeLayer(members: readonly Member[], options: LayerOptions = {}): TestLayer {
  return indexTar(makeTar(members), options);
}

/** Layers on each other, lowest first, each written on those before it. */
export function makeStack(layers: readonly (readonly Member[])[]): TestLayer[] {
  const made: TestLayer[] = [];
  for (const members of layers) {
    const below = made.length === 0 ? undefined : new MergedTree(made.map(({ image }) => image));
    made.push(makeLayer(members, { below }));
  }
  return made;
}

export function openBytes(bytes: Buffer): ErofsImage {
  return ErofsImage.open((offset, length) => bytes.subarray(offset, offset + length));
}

/** The image's tree as lines, one for each path: `path type` and what matters of it. */
export function describeImage({ image, tar }: Pick<TestLayer, 'image' | 'tar'>): string[] {
  const lines: string[] = [];
  const visit = (path: string, nid: number): void => {
    const inode = image.inode(nid);
    lines.push(describeInode({ image, tar }, path, nid));
    if (inode.type !== 'dir') return;
    for (const entry of image.readdir(inode))
      visit(path === '/' ? `/${entry.name}` : `${path}/${entry.name}`, entry.nid);
  };
  visit('/', image.root.nid);
  return lines;
}

function describeInode({ image, tar }: Pick<TestLayer, 'image' | 'tar'>, path: string, nid: number): string {
  const inode = image.inode(nid);
  const words = [path, inode.type, inode.mode.toString(8), `${inode.uid}:${inode.gid}`];
  if (inode.type === 'symlink') words.push(`-> ${image.target(inode)}`);
  if (inode.type === 'char' || inode.type === 'block') words.push(`${inode.rdev.major}:${inode.rdev.minor}`);
  if (inode.type === 'file') words.push(JSON.stringify(contentOf(image, tar, nid).toString('latin1')));
  if (inode.type !== 'dir' && inode.nlink > 1) words.push(`x${inode.nlink}`);
  const xattrs = image.xattrs(inode);
  if (xattrs.size > 0) words.push(JSON.stringify(Object.fromEntries(xattrs)));
  return words.join(' ');
}

/** A file's bytes, from the image and the tar that its first device is. */
export function contentOf(image: ErofsImage, tar: Buffer, nid: number): Buffer {
  const inode = image.inode(nid);
  const content = Buffer.alloc(inode.size);
  for (const { offset, length, device, deviceOffset } of image.extents(inode)) {
    const source = device === 0 ? Buffer.from(image.read(deviceOffset, length)) : tar.subarray(deviceOffset);
    source.copy(content, offset, 0, length);
  }
  return content;
}

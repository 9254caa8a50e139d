import { bytesOf, type ByteString } from '../../std/index.ts';
import { endOfArchive, formatHeader, paddingOf, PieceBuffer, type TarEntry } from '../../tar/index.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';
import { epoch, noXattrs } from '../copy/tree-writer.ts';

export interface TarPart {
  /** The folder that the tree stands in; '' for none. */
  readonly folder: string;
  readonly tree: SourceTree;
}

/**
 * Trees as one tar, in pieces of about 1 MiB, each used up before the next is asked for. The same trees give the same
 * bytes. Names of one file stay one file.
 */
export function* tarOf(parts: readonly TarPart[]): Generator<Uint8Array, void, undefined> {
  const buffer = new PieceBuffer();
  for (const { folder, tree } of parts) {
    if (folder !== '') yield* buffer.add(formatHeader(folderEntry(bytesOf(folder))));
    yield* membersOf(tree, { buffer, prefix: folder === '' ? '' : `${folder}/` });
  }
  yield* buffer.add(endOfArchive);
  yield* buffer.rest();
}

function* membersOf(
  tree: SourceTree,
  { buffer, prefix }: { readonly buffer: PieceBuffer; readonly prefix: string },
): Generator<Uint8Array, void, undefined> {
  const links = new Map<string, ByteString>();
  for (const node of tree.walk(bytesOf(''))) {
    const path = `${prefix}${node.path}` as ByteString;
    const first = node.type === 'dir' ? undefined : links.get(node.identity);
    if (first !== undefined) {
      yield* buffer.add(formatHeader({ ...entryOf(node, path), type: 'link', size: 0, link: first, xattrs: noXattrs }));
      continue;
    }
    if (node.type !== 'dir' && node.nlink > 1) links.set(node.identity, path);
    yield* buffer.add(formatHeader(entryOf(node, path)));
    if (node.type !== 'file') continue;
    for (const piece of tree.read(node)) yield* buffer.add(piece);
    yield* buffer.add(zeros.subarray(0, paddingOf(node.size)));
  }
}

const zeros = new Uint8Array(512);

function entryOf(node: SourceNode, path: ByteString): TarEntry {
  return {
    path,
    type: node.type === 'socket' ? 'fifo' : node.type,
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    size: node.size,
    mtime: node.mtime,
    link: node.link,
    devMajor: node.rdevMajor,
    devMinor: node.rdevMinor,
    xattrs: node.xattrs,
  };
}

function folderEntry(path: ByteString): TarEntry {
  const [link, xattrs] = [bytesOf(''), noXattrs];
  return {
    path,
    type: 'dir',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: epoch,
    link,
    devMajor: 0,
    devMinor: 0,
    xattrs,
  };
}

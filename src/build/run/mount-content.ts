import { createHash, type Hash } from 'node:crypto';
import { Fault } from '../../errors/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import type { BuildPorts } from '../build-ports.ts';
import { LayerSourceTree } from '../source/layer-source-tree.ts';
import type { Pace } from '../pace.ts';
import type { MountedContent } from './run-mount.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';
import type { StepResult } from '../step-result.ts';

export interface ContentOptions {
  readonly ports: Pick<BuildPorts, 'layers'>;
  readonly pace: Pace;
}

/**
 * Names what a mount shows: two contents of one name differ in nothing that a command sees but in times. `result`: of
 * the content's origin. Fault `not-found` where there is nothing at its path.
 */
export async function contentName(
  content: Pick<MountedContent, 'path' | 'isAll'>,
  { chain }: StepResult,
  { ports, pace }: ContentOptions,
): Promise<ByteString> {
  if (content.isAll) return bytesOf(`layers ${chain.join(' ')}`);
  using tree = ports.layers.tree(chain);
  const source = new LayerSourceTree(tree);
  const place = source.resolve(bytesOf(content.path));
  const node = source.stat(place);
  if (node === undefined) throw new Fault('not-found', `failed to compute cache key: "${content.path}": not found`);
  const digest = createHash('sha256');
  const links = new Map<string, ByteString>();
  for (const each of node.type === 'dir' ? below(source, node) : [node]) {
    if (pace.isDue(each.size)) await pace.rest();
    addNode(digest, each, { source, links, root: place });
  }
  return bytesOf(`sha256 ${digest.digest('hex')}`);
}

function* below(source: SourceTree, root: SourceNode): Generator<SourceNode, void, undefined> {
  yield root;
  yield* source.walk(root.path);
}

interface Adding {
  readonly source: SourceTree;
  readonly links: Map<string, ByteString>;
  readonly root: ByteString;
}

/** Every part comes with its length, so that none can be taken for another. */
function addNode(digest: Hash, node: SourceNode, { source, links, root }: Adding): void {
  const path = node.path.slice(root.length);
  const first = node.nlink > 1 && node.type === 'file' ? links.get(node.identity) : undefined;
  if (first === undefined) links.set(node.identity, path as ByteString);
  const { type, mode, uid, gid, rdevMajor, rdevMinor, size } = node;
  const numbers = [mode, uid, gid, rdevMajor, rdevMinor, size].join(' ');
  for (const part of [path, type, numbers, node.link, first ?? '', ...[...node.xattrs].flat()]) addPart(digest, part);
  if (type !== 'file' || first !== undefined) return;
  for (const piece of source.read(node)) digest.update(piece);
}

function addPart(digest: Hash, part: string): void {
  digest.update(`${part.length}:`).update(part, 'latin1');
}

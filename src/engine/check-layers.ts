import { Fault } from '../errors/index.ts';
import { bootId } from '../host/index.ts';
import { FileReader, LayerFiles, takeLayerInventory, type LayerInventory } from '../layer/index.ts';
import { toDiffId, toDigest, type Descriptor, type DiffId } from '../oci/index.ts';
import { decompress } from '../std/index.ts';
import { scanTar } from '../tar/index.ts';
import type { Checking } from './check-findings.ts';
import { hashFile } from './file-hash.ts';

/** What images and containers say about layers. */
export interface LayerNeeds {
  /** Layers that an image or a container is made of. */
  readonly needed: ReadonlySet<DiffId>;
  /** The blobs that they were made from, where they were pulled. */
  readonly sources: ReadonlyMap<DiffId, Descriptor>;
}

/**
 * Reads every layer's tar again, compares tars and records, and gives the layers that cannot be used. A repair drops
 * those, takes them from the blobs that they were pulled as where these are whole, and puts whole tars on record.
 */
export async function checkLayers(checking: Checking, needs: LayerNeeds): Promise<ReadonlySet<DiffId>> {
  const { store, findings, repair } = checking;
  const inventory = takeLayerInventory(store.root);
  const unusable = new Set<DiffId>();
  for (const diffId of layersOf(checking, inventory)) {
    const problem = await problemOf(checking, diffId, inventory);
    checking.advance();
    if (problem === undefined) continue;
    const { message, restored } = await mend(checking, { diffId, problem, source: needs.sources.get(diffId) });
    if (!restored) unusable.add(diffId);
    const isLeftover = problem.kind !== 'damaged' && !needs.needed.has(diffId);
    findings[isLeftover ? 'leftover' : 'error'](message, repair);
  }
  for (const { path } of inventory.strays) {
    if (repair) new LayerFiles(store.root).discard(path);
    findings.leftover(`${path}: no layer has such a name`, repair);
  }
  return unusable;
}

function layersOf({ store }: Checking, { tars }: LayerInventory): readonly DiffId[] {
  const recorded = store.layers.list().map(({ diffId }) => diffId);
  return [...new Set([...recorded, ...tars.keys()])].toSorted();
}

type LayerProblem =
  | { readonly kind: 'damaged'; readonly text: string }
  | { readonly kind: 'missing'; readonly text: string }
  | { readonly kind: 'unrecorded'; readonly text: string };

async function problemOf(
  { store, signal }: Checking,
  diffId: DiffId,
  { tars }: LayerInventory,
): Promise<LayerProblem | undefined> {
  const tar = tars.get(diffId);
  const actual = tar === undefined ? undefined : await hashFile(tar.path, { like: toDigest(diffId), signal });
  const record = store.state.layers.get(diffId);
  // Collected meanwhile by another process.
  if (actual === undefined && record === undefined) return undefined;
  if (actual === undefined) return { kind: 'missing', text: 'its tar is missing' };
  if (toDiffId(actual) !== diffId) return { kind: 'damaged', text: `content hashes to ${actual}` };
  if (record === undefined) return { kind: 'unrecorded', text: 'its tar is not on record' };
  if (record.sizeBytes !== tar?.sizeBytes) return { kind: 'unrecorded', text: 'its record says another size' };
  return undefined;
}

interface Mending {
  readonly diffId: DiffId;
  readonly problem: LayerProblem;
  readonly source: Descriptor | undefined;
}

/** `restored`: the layer is there and whole afterwards. */
async function mend(
  checking: Checking,
  { diffId, problem, source }: Mending,
): Promise<{ readonly message: string; readonly restored: boolean }> {
  const message = `layer ${diffId}: ${problem.text}`;
  if (!checking.repair) return { message, restored: problem.kind === 'unrecorded' };
  if (problem.kind === 'unrecorded') {
    record(checking, diffId);
    return { message, restored: true };
  }
  const { layers, snapshotter } = checking.store;
  layers.remove(diffId);
  snapshotter.forget([diffId]);
  if (source === undefined || !(await restore(checking, diffId, source))) return { message, restored: false };
  return { message: `${message}; made again from blob ${source.digest}`, restored: true };
}

function record({ store }: Checking, diffId: DiffId): void {
  using tar = new FileReader(new LayerFiles(store.root).tar(diffId));
  let entryCount = 0;
  scanTar({ size: tar.sizeBytes, read: tar.read }, { entry: () => void (entryCount += 1) });
  store.state.layers.put({
    diffId,
    sizeBytes: tar.sizeBytes,
    entryCount,
    bootId: bootId(),
    durable: false,
    createdMs: store.clock.now(),
  });
}

/** False where the blob is not there, or is damaged too. */
async function restore({ store, lease, signal }: Checking, diffId: DiffId, source: Descriptor): Promise<boolean> {
  const { blobs, layers } = store;
  if (source.digest === toDigest(diffId) || !blobs.hold(source.digest, lease)) return false;
  using writer = layers.writer({ holder: lease });
  try {
    for await (const chunk of decompress(copies(blobs.chunks(source.digest)))) {
      signal.throwIfAborted();
      writer.write(chunk);
    }
    writer.commit(diffId);
    return true;
  } catch (error) {
    if (Fault.is(error, 'corrupt') || Fault.is(error, 'invalid')) return false;
    throw error;
  }
}

/** The store gives each piece in the same memory. */
async function* copies(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

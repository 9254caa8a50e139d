import { Fault } from '../errors/index.ts';
import {
  digestMatches,
  imageLayout,
  layoutBlobPath,
  maxConfigBytes,
  maxManifestBytes,
  toDigest,
  type Descriptor,
  type Digest,
  type DiffId,
} from '../oci/index.ts';
import { insideArchive } from '../registry/index.ts';
import { decompress } from '../std/index.ts';
import { omittedLayers, omittedLayersFile, type OmittedLayer } from './omitted-layers.ts';
import type { ReceivedArchive, ReceiveOptions } from './receive-archive.ts';

const maxLinks = 8;
const maxInflation = 1100;

/** What was received of an archive, together with what the store has already. */
export class ArchiveContent {
  readonly #archive: ReceivedArchive;
  readonly #options: ReceiveOptions;
  readonly #omitted: ReadonlyMap<DiffId, OmittedLayer>;

  constructor(archive: ReceivedArchive, options: ReceiveOptions) {
    this.#archive = archive;
    this.#options = options;
    this.#omitted = omittedLayers(archive.documents.get(omittedLayersFile));
  }

  get isLayout(): boolean {
    return this.document(imageLayout.marker) !== undefined && this.document(imageLayout.index) !== undefined;
  }

  get isEmpty(): boolean {
    return this.#archive.documents.size === 0 && this.#archive.layers.size === 0;
  }

  /** The document at a path, links followed; undefined where there is none. Fault `exhausted` for one that is too long. */
  document(path: string): Uint8Array | undefined {
    const { documents, oversized } = this.#archive;
    const at = this.#resolve(path);
    if (!oversized.has(at)) return documents.get(at);
    throw new Fault('exhausted', `read image archive: ${path} has more than the allowed ${maxConfigBytes} bytes`);
  }

  /** A document of the layout, or of the store, checked; undefined where it is in neither. */
  blob({ digest }: Pick<Descriptor, 'digest'>): Uint8Array | undefined {
    const { blobs, holder } = this.#options;
    const bytes = this.document(layoutBlobPath(digest));
    if (bytes !== undefined) {
      if (digestMatches(digest, bytes)) return bytes;
      throw new Fault('corrupt', `${layoutBlobPath(digest)} is not what its name says`);
    }
    if (!blobs.hold(digest, holder)) return undefined;
    return blobs.read(digest, { maxBytes: Math.max(maxConfigBytes, maxManifestBytes) });
  }

  /** Keeps a document in the store. */
  keep(bytes: Uint8Array): Digest {
    return this.#options.blobs.put(bytes, { holder: this.#options.holder });
  }

  /** True if a blob that is no layer is in the store, or can be brought there now. */
  keepBlob(digest: Digest): boolean {
    const { blobs, holder } = this.#options;
    const bytes = this.document(layoutBlobPath(digest));
    if (bytes === undefined) return blobs.hold(digest, holder);
    blobs.put(bytes, { holder, digest });
    return true;
  }

  /**
   * Sees to it that the layer is in the store: from the file at `path`, where that was received, or the blob of that
   * digest that the store has. False where there is nothing to make it of; `corrupt` where the file is another layer.
   */
  async haveLayer(diffId: DiffId, path: string, digest?: Digest): Promise<boolean> {
    const { layers, blobs, holder } = this.#options;
    const at = this.#resolve(path);
    const received = this.#archive.layers.get(at);
    if (received !== undefined && received !== diffId) {
      throw new Fault('corrupt', `layer ${path} is ${received} once uncompressed, the config says ${diffId}`);
    }
    if (layers.hold(diffId, holder)) return true;
    const bytes = this.#archive.documents.get(at);
    if (bytes !== undefined) await this.#store(diffId, [bytes]);
    else if (digest === undefined || !blobs.hold(digest, holder)) return false;
    else await this.#store(diffId, copies(blobs.chunks(digest)));
    return true;
  }

  /** Length of the tar of a layer that is in the store. */
  layerBytes(diffId: DiffId): number {
    return this.#options.layers.tar(diffId).sizeBytes;
  }

  /** Says of layers that are nowhere which they are, and, where the archive knows, which images have them. */
  missingLayers(what: string, missing: readonly DiffId[]): Fault {
    const named = missing.map((diffId) => {
      const from = this.#omitted.get(diffId)?.images ?? [];
      return from.length === 0 ? toDigest(diffId) : `${diffId} (of ${from.join(', ')})`;
    });
    const bases = [...new Set(missing.flatMap((diffId) => this.#omitted.get(diffId)?.images ?? []))];
    const count = missing.length === 1 ? 'a layer is' : `${missing.length} layers are`;
    return new Fault('not-found', `load ${what}: ${count} neither in the archive nor here: ${named.join(', ')}`, {
      hint:
        bases.length === 0
          ? 'the archive is not complete: save the image again'
          : `the archive was saved without what is in ${bases.join(', ')}: load or pull that first`,
    });
  }

  async #store(diffId: DiffId, chunks: Iterable<Uint8Array>): Promise<void> {
    const { layers, holder } = this.#options;
    using writer = layers.writer({ holder });
    for await (const chunk of decompress(inTurn(chunks), { maxRatio: maxInflation })) writer.write(chunk);
    writer.commit(diffId);
  }

  #resolve(path: string): string {
    let at = insideArchive(path) ?? '';
    for (let hops = 0; hops < maxLinks; hops++) {
      const next = this.#archive.links.get(at);
      if (next === undefined) return at;
      at = next;
    }
    return '';
  }
}

/** Of pieces that are valid only until the next one. */
function* copies(chunks: Iterable<Uint8Array>): Iterable<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function* inTurn(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* chunks;
}

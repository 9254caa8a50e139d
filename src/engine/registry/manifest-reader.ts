import type { BlobStore } from '../../blob/index.ts';
import { Fault } from '../../errors/index.ts';
import {
  isImageIndexType,
  isImageManifestType,
  maxManifestBytes,
  parseManifest,
  type Descriptor,
  type Digest,
  type Manifest,
} from '../../oci/index.ts';

/** A manifest of the store, of whatever kind. */
export interface ReadManifest {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly manifest: Manifest;
}

/** Reads manifests out of the store of blobs; those that were read last are kept in memory. */
export class ManifestReader {
  readonly #blobs: Pick<BlobStore, 'stat' | 'read'>;
  readonly #known = new Map<Digest, ReadManifest>();

  constructor(blobs: Pick<BlobStore, 'stat' | 'read'>) {
    this.#blobs = blobs;
  }

  /** Undefined where it is missing, damaged, or no manifest. */
  read(digest: Digest): ReadManifest | undefined {
    const known = this.#known.get(digest);
    if (known !== undefined && this.#blobs.stat(digest) !== undefined) return known;
    const found = this.#load(digest);
    if (found === undefined) return undefined;
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(digest, found);
    return found;
  }

  /** The bytes of the manifest; Faults as `BlobStore.read`. */
  bytes(digest: Digest): Uint8Array {
    return this.#blobs.read(digest, { maxBytes: maxManifestBytes });
  }

  /** The digests of a manifest and of all that it refers to, further manifests and what these refer to included. */
  closure(digest: Digest): ReadonlySet<Digest> {
    const found = new Set<Digest>();
    for (const member of this.manifests(digest)) {
      found.add(member);
      for (const each of referredTo(this.read(member)?.manifest)) found.add(each.digest);
    }
    return found;
  }

  /** The manifest and the manifests below it, each once. */
  manifests(digest: Digest): ReadonlySet<Digest> {
    const found = new Set([digest]);
    for (const member of found) {
      const below = referredTo(this.read(member)?.manifest).filter(isManifest);
      for (const each of below) found.add(each.digest);
    }
    return found;
  }

  #load(digest: Digest): ReadManifest | undefined {
    if (this.#blobs.stat(digest) === undefined) return undefined;
    try {
      const bytes = this.bytes(digest);
      return { digest, sizeBytes: bytes.length, manifest: parseManifest(bytes) };
    } catch (error) {
      if (Fault.is(error)) return undefined;
      throw error;
    }
  }
}

const mostKnown = 4096;

/** What has to be there for the manifest to be whole; its subject need not. */
export function referredTo(manifest: Manifest | undefined): readonly Descriptor[] {
  if (manifest === undefined) return [];
  return manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
}

export function isManifest({ mediaType }: Descriptor): boolean {
  return isImageManifestType(mediaType) || isImageIndexType(mediaType);
}

import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { Fault } from '../errors/index.ts';
import { nodeFault, temporaryNeighbour, type WriteChunk } from '../host/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import {
  algorithmOf,
  digestOf,
  encodeLayoutMarker,
  encodeManifest,
  imageLayout,
  layoutBlobPath,
  mediaTypes,
  parseManifest,
} from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { endOfArchive } from '../tar/index.ts';
import { writeBlobMember, writeDirectoryMember, writeFileMember } from './archive-members.ts';
import { listedAs } from './layout-content.ts';
import type { LayoutTarget } from './layout-target.ts';
import { isNamed } from './oci-layout.ts';
import { blobOf } from './pour-blob.ts';
import type { RemoteManifest } from './remote.ts';
import type { BlobContent, PutBlobOptions, PutManifestOptions } from './remote-target.ts';

/**
 * Takes images into a new OCI archive: a tar that is written as blobs come, under another name beside `file` until it is
 * finished; then it takes the place of whatever is there. Blobs come one after the other, however many are put at once.
 */
export async function openArchiveTarget(file: string): Promise<LayoutTarget> {
  const temporary = temporaryNeighbour(file);
  try {
    return new OciArchiveTarget({ file, temporary }, await open(temporary, 'wx', 0o644));
  } catch (error) {
    throw nodeFault('write image archive', bytesOf(file), error);
  }
}

interface ArchivePaths {
  readonly file: string;
  readonly temporary: string;
}

class OciArchiveTarget implements LayoutTarget {
  readonly name: string;
  readonly #paths: ArchivePaths;
  readonly #handle: FileHandle;
  readonly #manifests = new Map<string, RemoteManifest>();
  readonly #written = new Set<string>();
  #entries: readonly Descriptor[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #isFinished = false;
  /** A blob that was refused stands in the archive, in part. */
  #isTorn = false;

  constructor(paths: ArchivePaths, handle: FileHandle) {
    this.name = paths.file;
    this.#paths = paths;
    this.#handle = handle;
  }

  manifest(nameOrDigest: string): Promise<RemoteManifest> {
    const entry = this.#entries.findLast((each) => isNamed(each, nameOrDigest));
    const found = this.#manifests.get(entry?.digest ?? nameOrDigest);
    if (found !== undefined) return Promise.resolve(found);
    return Promise.reject(new Fault('not-found', `${this.name}: manifest ${nameOrDigest}: not found`));
  }

  blob({ digest }: Descriptor): AsyncIterable<Uint8Array> {
    throw new Fault('unsupported', `${this.name}: blob ${digest}: the archive can be read when it is complete`);
  }

  hasBlob({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#written.has(digest));
  }

  mountBlob(): Promise<boolean> {
    return Promise.resolve(false);
  }

  putBlob(content: BlobContent, options: PutBlobOptions): Promise<void> {
    return this.#inTurn(async () => {
      const { digest } = content.descriptor;
      this.#assertWhole();
      if (this.#written.has(digest)) return;
      await this.#makeDirectories(digest);
      this.#isTorn = true;
      await writeBlobMember({ path: layoutBlobPath(digest), blob: blobOf(content), options }, this.#write);
      this.#isTorn = false;
      this.#written.add(digest);
    });
  }

  findManifest(nameOrDigest: string): Promise<Descriptor | undefined> {
    return Promise.resolve(this.#entries.findLast((each) => isNamed(each, nameOrDigest)));
  }

  async putManifest(bytes: Uint8Array, { mediaType, tag, signal }: PutManifestOptions): Promise<Digest> {
    const manifest = parseManifest(bytes, { mediaType });
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.putBlob({ descriptor, open: () => [bytes] }, { signal });
    this.#manifests.set(descriptor.digest, { mediaType, digest: descriptor.digest, bytes, manifest });
    if (tag !== undefined) await this.list(descriptor, tag);
    return descriptor.digest;
  }

  list(descriptor: Descriptor, name: string | undefined): Promise<void> {
    this.#entries = listedAs(this.#entries, descriptor, name);
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return this.#inTurn(async () => {
      this.#assertWhole();
      const index = encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests: this.#entries });
      await writeFileMember(imageLayout.marker, encodeLayoutMarker(), this.#write);
      await writeFileMember(imageLayout.index, index, this.#write);
      await this.#write(endOfArchive);
      await this.#handle.close();
      await rename(this.#paths.temporary, this.#paths.file);
      this.#isFinished = true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isFinished) return;
    await this.#turn;
    await this.#handle.close().catch(() => undefined);
    await rm(this.#paths.temporary, { force: true });
  }

  /** A tar has one end. What fails in the middle of a member leaves an archive that is of no use. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #assertWhole(): void {
    if (this.#isTorn) throw new Fault('unavailable', `${this.name}: a blob of it could not be written`);
  }

  async #makeDirectories(digest: Digest): Promise<void> {
    for (const path of [imageLayout.blobs, `${imageLayout.blobs}/${algorithmOf(digest)}`]) {
      if (!this.#written.has(path)) await writeDirectoryMember(path, this.#write);
      this.#written.add(path);
    }
  }

  readonly #write: WriteChunk = async (chunk) => {
    for (let done = 0; done < chunk.length;) done += (await this.#handle.write(chunk, done)).bytesWritten;
  };
}

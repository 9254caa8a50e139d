import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { makeFolders } from '../host/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import {
  digestOf,
  encodeLayoutMarker,
  encodeManifest,
  imageLayout,
  layoutBlobPath,
  mediaTypes,
  parseManifest,
} from '../oci/index.ts';
import { listedAs } from './layout-content.ts';
import { directoryFiles, type LayoutFiles } from './layout-files.ts';
import { writeWhole } from './oci-directory.ts';
import { isNamed, OciLayout } from './oci-layout.ts';
import { blobOf, pourBlob } from './pour-blob.ts';
import type { BlobOptions, RemoteManifest, WaitOptions } from './remote.ts';
import type { BlobContent, PutBlobOptions, PutManifestOptions } from './remote-target.ts';
import type { LayoutTarget } from './layout-target.ts';

/**
 * Takes images into the OCI layout in a directory, which is made where it is missing. A directory that holds something else
 * is `invalid`. Other images of the layout stay; one of the same name gives it up.
 */
export async function openDirectoryTarget(directory: string): Promise<LayoutTarget> {
  const files = directoryFiles(directory);
  makeFolders(directory);
  const isEmpty = (await readdir(directory)).length === 0;
  if (!isEmpty) return new OciDirectoryTarget(directory, await OciLayout.open(files));
  await writeWhole(join(directory, imageLayout.marker), (write) => write(encodeLayoutMarker()));
  await writeWhole(join(directory, imageLayout.index), (write) => write(indexOf([])));
  return new OciDirectoryTarget(directory, await OciLayout.open(files));
}

class OciDirectoryTarget implements LayoutTarget {
  readonly name: string;
  readonly #directory: string;
  readonly #files: LayoutFiles;
  #layout: OciLayout;
  /** Changes of `index.json`, one after the other. */
  #listing: Promise<unknown> = Promise.resolve();

  constructor(directory: string, layout: OciLayout) {
    this.name = directory;
    this.#directory = directory;
    this.#files = directoryFiles(directory);
    this.#layout = layout;
  }

  manifest(nameOrDigest: string, options: WaitOptions): Promise<RemoteManifest> {
    return this.#layout.manifest(nameOrDigest, options);
  }

  blob(descriptor: Descriptor, options: BlobOptions): AsyncIterable<Uint8Array> {
    return this.#layout.blob(descriptor, options);
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    return (await this.#files.find(layoutBlobPath(digest)))?.sizeBytes === size;
  }

  mountBlob(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async putBlob(content: BlobContent, options: PutBlobOptions): Promise<void> {
    if (await this.hasBlob(content.descriptor)) return;
    const path = join(this.#directory, layoutBlobPath(content.descriptor.digest));
    await writeWhole(path, (write) => pourBlob(blobOf(content), write, options));
  }

  findManifest(nameOrDigest: string): Promise<Descriptor | undefined> {
    return Promise.resolve(this.#layout.entries.findLast((each) => isNamed(each, nameOrDigest)));
  }

  async putManifest(bytes: Uint8Array, { mediaType, tag, signal }: PutManifestOptions): Promise<Digest> {
    parseManifest(bytes, { mediaType });
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.putBlob({ descriptor, open: () => [bytes] }, { signal });
    if (tag !== undefined) await this.list(descriptor, tag);
    return descriptor.digest;
  }

  list(descriptor: Descriptor, name: string | undefined): Promise<void> {
    const listed = this.#listing.then(async () => {
      const { entries } = await OciLayout.open(this.#files);
      const manifests = listedAs(entries, descriptor, name);
      await writeWhole(join(this.#directory, imageLayout.index), (write) => write(indexOf(manifests)));
      this.#layout = await OciLayout.open(this.#files);
    });
    this.#listing = listed.catch(() => undefined);
    return listed.catch((error: unknown) => {
      throw Fault.wrap(`write image layout ${this.name}`, error);
    });
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function indexOf(manifests: readonly Descriptor[]): Uint8Array {
  return encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests });
}

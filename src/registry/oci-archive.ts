import { Fault } from '../errors/index.ts';
import type { Descriptor, Digest, Reference } from '../oci/index.ts';
import {
  algorithmOf,
  createDigester,
  encodeLayoutMarker,
  encodeManifest,
  formatReference,
  imageLayout,
  layoutBlobPath,
  mediaTypes,
} from '../oci/index.ts';
import { bytesOf, throwIfAborted } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import { endOfArchive, formatHeader, paddingOf } from '../tar/index.ts';

/** What goes into an OCI layout. */
export interface LayoutContent {
  readonly images: readonly LayoutImage[];
  /** Every blob that the images need, their manifests included; one that is listed twice is written once. */
  readonly blobs: Iterable<LayoutBlob>;
}

export interface LayoutImage {
  /** Of an image's manifest or of an index. */
  readonly descriptor: Descriptor;
  /** May be empty: the image is then in the layout without a name. */
  readonly names: readonly Reference[];
}

export interface LayoutBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** All its bytes. Called once, when its turn comes. */
  read(): AsyncIterable<Uint8Array>;
}

/** Takes the archive's bytes; awaited before more are made. */
export type WriteChunk = (chunk: Uint8Array) => Promise<void>;

/**
 * Writes an OCI layout (image-spec image-layout.md) as a tar: equal content gives equal bytes. Each name is an entry of
 * `index.json` with the annotations that others look for: the tag as `ref.name` (as Docker writes it; the whole name
 * where two images have the same tag), the whole name as `io.containerd.image.name`.
 *
 * Blobs are hashed on the way: one that is not what its digest and size say is `corrupt`, and the archive is not
 * complete. Nothing larger than a chunk is held.
 */
export async function writeOciArchive(
  content: LayoutContent,
  write: WriteChunk,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await writeFile(imageLayout.marker, encodeLayoutMarker(), write);
  await writeFile(imageLayout.index, layoutIndex(content.images), write);
  const written = new Set<string>();
  for (const blob of content.blobs) {
    throwIfAborted(options.signal, 'write image archive');
    if (written.has(blob.digest)) continue;
    for (const directory of [imageLayout.blobs, `${imageLayout.blobs}/${algorithmOf(blob.digest)}`]) {
      if (!written.has(directory)) await write(formatHeader(entryOf(directory, 'dir', 0)));
      written.add(directory);
    }
    written.add(blob.digest);
    await writeBlob(blob, write, options.signal);
  }
  await write(endOfArchive);
}

/** The bytes of `index.json`. */
function layoutIndex(images: readonly LayoutImage[]): Uint8Array {
  const tags = images.flatMap(({ names }) => names.map(({ tag }) => tag));
  const isUnique = (tag: string | undefined): tag is string =>
    tag !== undefined && tags.indexOf(tag) === tags.lastIndexOf(tag);
  const manifests = images.flatMap(({ descriptor, names }) => {
    if (names.length === 0) return [descriptor];
    return names.map((name) => {
      const full = formatReference(name);
      const annotations = { [containerdName]: full, [imageLayout.refName]: isUnique(name.tag) ? name.tag : full };
      return Object.assign({}, descriptor, { annotations: Object.assign({}, descriptor.annotations, annotations) });
    });
  });
  return encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests });
}

const containerdName = 'io.containerd.image.name';

async function writeBlob(blob: LayoutBlob, write: WriteChunk, signal: AbortSignal | undefined): Promise<void> {
  const digester = createDigester(algorithmOf(blob.digest));
  let written = 0;
  await write(formatHeader(entryOf(layoutBlobPath(blob.digest), 'file', blob.sizeBytes)));
  for await (const chunk of blob.read()) {
    throwIfAborted(signal, 'write image archive');
    digester.update(chunk);
    written += chunk.length;
    if (written > blob.sizeBytes) break;
    await write(chunk);
  }
  if (written !== blob.sizeBytes || digester.digest() !== blob.digest) {
    throw new Fault('corrupt', `write image archive: blob ${blob.digest} is not what its digest and size say`);
  }
  await write(new Uint8Array(paddingOf(written)));
}

async function writeFile(path: string, bytes: Uint8Array, write: WriteChunk): Promise<void> {
  await write(formatHeader(entryOf(path, 'file', bytes.length)));
  await write(bytes);
  await write(new Uint8Array(paddingOf(bytes.length)));
}

function entryOf(path: string, type: 'file' | 'dir', size: number): TarEntry {
  return {
    path: bytesOf(path),
    type,
    mode: type === 'dir' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { sec: 0, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  };
}

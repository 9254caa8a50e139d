import { gzipSync } from 'node:zlib';
import type { Descriptor, Digest, ImageConfig, Manifest, Platform } from '../oci/index.ts';
import { digestOf, encodeImageConfig, encodeManifest, mediaTypes, toDiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf } from '../tar/index.ts';
import type { LayoutBlob, LayoutContent } from './layout-content.ts';
import { writeOciArchive } from './oci-archive.ts';

/** An image that a test made: every blob of it by digest. */
export interface SampleImage {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

export const linux: Platform = { os: 'linux', architecture: 'amd64' };

/** One layer for each text, gzipped, with a file `file` that holds it. */
export function sampleImage(texts: readonly string[], platform: Platform = linux): SampleImage {
  const layers = texts.map(layerTar);
  const packed = layers.map((tar) => gzipSync(tar));
  const diffIds = layers.map((tar) => toDiffId(digestOf(tar)));
  const config: ImageConfig = { ...platform, config: { Cmd: ['cat'] }, rootfs: { type: 'layers', diff_ids: diffIds } };
  const configBytes = encodeImageConfig(config);
  const manifest: Manifest = {
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    config: describe(configBytes, mediaTypes.ociConfig),
    layers: packed.map((bytes) => describe(bytes, mediaTypes.ociLayerGzip)),
  };
  return { manifest, config, ...withManifest(manifest, [configBytes, ...packed]) };
}

/** An index of images, each with its platform. */
export function sampleIndex(images: readonly SampleImage[]): Omit<SampleImage, 'config'> {
  const manifests = images.map(({ descriptor, config }) => {
    const { os, architecture } = config;
    return Object.assign({}, descriptor, { platform: { os, architecture } });
  });
  const manifest: Manifest = { kind: 'index', mediaType: mediaTypes.ociIndex, manifests };
  const blobs = images.flatMap((image) => [...image.blobs.values()]);
  return { manifest, ...withManifest(manifest, blobs) };
}

export function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** The blobs as an archive takes them. */
export function layoutBlobs(blobs: ReadonlyMap<Digest, Uint8Array>): readonly LayoutBlob[] {
  return [...blobs].map(([digest, bytes]) => ({ digest, sizeBytes: bytes.length, read: () => once(bytes) }));
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** The archive as a whole. */
export async function archiveOf(what: LayoutContent, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array): Promise<void> => {
    chunks.push(chunk);
    return Promise.resolve();
  };
  await writeOciArchive(what, write, { signal });
  return Buffer.concat(chunks);
}

function withManifest(manifest: Manifest, blobs: readonly Uint8Array[]): Pick<SampleImage, 'descriptor' | 'blobs'> {
  const bytes = encodeManifest(manifest);
  const descriptor = describe(bytes, manifest.mediaType);
  return { descriptor, blobs: new Map([...blobs, bytes].map((each) => [digestOf(each), each])) };
}

export function layerTar(text: string): Uint8Array {
  const content = Buffer.from(text);
  const header = formatHeader({
    path: bytesOf('file'),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: { sec: 0, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  });
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length)), endOfArchive]);
}

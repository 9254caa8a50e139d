import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ContainerConfig, Descriptor, Digest, DiffId, ImageConfig, Manifest, Platform } from '../oci/index.ts';
import { digestOf, encodeImageConfig, encodeManifest, mediaTypes, toDiffId } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf, type TarEntry } from '../tar/index.ts';

/** An image or index that a test made: every blob of it by digest. */
export interface CraftedImage {
  readonly descriptor: Descriptor;
  readonly blobs: ReadonlyMap<Digest, Buffer>;
  /** Digest of the config; of an index, that of its first image. */
  readonly imageId: Digest;
  readonly diffIds: readonly DiffId[];
  /** The layers as they are transferred. */
  readonly layers: readonly Descriptor[];
  readonly platform: Platform;
}

export interface CraftedLayer {
  /** Files by path; a name that ends in `/` is a directory. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The tar itself, instead of files. */
  readonly tar?: Uint8Array;
  /** Default: gzip. */
  readonly packing?: 'none' | 'gzip' | 'zstd';
}

export interface CraftOptions {
  /** Default: OCI's. */
  readonly family?: 'oci' | 'docker';
  readonly platform?: Platform;
  readonly config?: ContainerConfig;
}

export const linuxAmd64: Platform = { os: 'linux', architecture: 'amd64' };

export function craftImage(layers: readonly CraftedLayer[], options: CraftOptions = {}): CraftedImage {
  const { family = 'oci', platform = linuxAmd64, config = {} } = options;
  const tars = layers.map(({ tar, files = {} }) => Buffer.from(tar ?? craftTar(files)));
  const packed = tars.map((tar, index) => pack(tar, layers[index]?.packing));
  const diffIds = tars.map((tar) => toDiffId(digestOf(tar)));
  const image: ImageConfig = {
    created: '2020-02-02T02:02:02Z',
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map((_, index) => ({ created: '2020-02-02T02:02:02Z', created_by: `step ${index + 1}` })),
  };
  const configBytes = Buffer.from(encodeImageConfig(image));
  const types = mediaTypesOf(family);
  const described = packed.map((bytes, index) => describe(bytes, types.layers[layers[index]?.packing ?? 'gzip']));
  const manifest: Manifest = {
    kind: 'image',
    mediaType: types.manifest,
    config: describe(configBytes, types.config),
    layers: described,
  };
  const { descriptor, blobs } = withManifest(manifest, [configBytes, ...packed]);
  return { descriptor, blobs, imageId: digestOf(configBytes), diffIds, layers: described, platform };
}

/** An index (or Docker's manifest list) of images, each under its platform. */
export function craftIndex(
  images: readonly CraftedImage[],
  { family = 'oci' }: Pick<CraftOptions, 'family'> = {},
): CraftedImage {
  const [first] = images;
  if (first === undefined) throw new Error('an index of nothing');
  const mediaType = family === 'oci' ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const manifests = images.map(({ descriptor, platform }) => ({ ...descriptor, platform }));
  const blobs = images.flatMap((image) => [...image.blobs.values()]);
  return { ...first, ...withManifest({ kind: 'index', mediaType, manifests }, blobs) };
}

export function craftTar(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const members = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text);
    return [formatHeader(entryOf(path, content.length)), content, Buffer.alloc(paddingOf(content.length))];
  });
  return Buffer.concat([...members, endOfArchive]);
}

function entryOf(path: string, size: number): TarEntry {
  const isDirectory = path.endsWith('/');
  return {
    path: bytesOf(isDirectory ? path.slice(0, -1) : path),
    type: isDirectory ? 'dir' : 'file',
    mode: isDirectory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: { sec: 1_580_608_922, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  };
}

function pack(tar: Buffer, packing: CraftedLayer['packing'] = 'gzip'): Buffer {
  if (packing === 'none') return tar;
  return packing === 'gzip' ? gzipSync(tar) : zstdCompressSync(tar);
}

function mediaTypesOf(family: 'oci' | 'docker'): {
  readonly manifest: string;
  readonly config: string;
  readonly layers: Readonly<Record<'none' | 'gzip' | 'zstd', string>>;
} {
  const { ociLayer, ociLayerGzip, ociLayerZstd, dockerLayer, dockerLayerGzip, dockerLayerZstd } = mediaTypes;
  return family === 'oci'
    ? {
        manifest: mediaTypes.ociManifest,
        config: mediaTypes.ociConfig,
        layers: { none: ociLayer, gzip: ociLayerGzip, zstd: ociLayerZstd },
      }
    : {
        manifest: mediaTypes.dockerManifest,
        config: mediaTypes.dockerConfig,
        layers: { none: dockerLayer, gzip: dockerLayerGzip, zstd: dockerLayerZstd },
      };
}

function withManifest(manifest: Manifest, blobs: readonly Buffer[]): Pick<CraftedImage, 'descriptor' | 'blobs'> {
  const bytes = Buffer.from(encodeManifest(manifest));
  const descriptor = describe(bytes, manifest.mediaType);
  return { descriptor, blobs: new Map([...blobs, bytes].map((each) => [digestOf(each), each])) };
}

function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

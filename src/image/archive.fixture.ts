import { gunzipSync } from 'node:zlib';
import { digestOf, encodeLayoutMarker, encodeManifest, hexOf, mediaTypes } from '../oci/index.ts';
import { bytesOf } from '../std/index.ts';
import { endOfArchive, formatHeader, paddingOf } from '../tar/index.ts';
import { craftImage, type CraftedImage } from './crafted-image.fixture.ts';

/** A member of an archive that a test made. */
export interface TestMember {
  readonly path: string;
  readonly bytes: Buffer;
}

export function archiveFile(path: string, content: string | Uint8Array): TestMember {
  const bytes = Buffer.from(content);
  return {
    path,
    bytes: Buffer.concat([header(path, 'file', { size: bytes.length }), bytes, Buffer.alloc(paddingOf(bytes.length))]),
  };
}

export function archiveLink(path: string, link: string, type: 'symlink' | 'link'): TestMember {
  return { path, bytes: header(path, type, { link }) };
}

export function tarOf(members: readonly TestMember[]): Buffer {
  return Buffer.concat([...members.map(({ bytes }) => bytes), endOfArchive]);
}

/** An OCI layout with these images; the name as containerd writes it. */
export function layoutArchive(
  images: readonly { readonly image: CraftedImage; readonly name: string | undefined }[],
): readonly TestMember[] {
  const manifests = images.map(({ image, name }) => ({
    ...image.descriptor,
    ...(name === undefined ? {} : { annotations: { 'io.containerd.image.name': name } }),
  }));
  const blobs = new Map(images.flatMap(({ image }) => [...image.blobs]));
  return [
    archiveFile('oci-layout', encodeLayoutMarker()),
    archiveFile('index.json', encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests })),
    ...[...blobs].map(([digest, bytes]) => archiveFile(`blobs/sha256/${hexOf(digest)}`, bytes)),
  ];
}

/** As `docker save` wrote it before version 25, for images of gzipped layers. */
export function dockerArchive(
  images: readonly { readonly image: CraftedImage; readonly names: readonly string[] }[],
): readonly TestMember[] {
  const manifest = images.map(({ image, names }) => ({
    Config: `${hexOf(image.imageId)}.json`,
    RepoTags: names,
    Layers: image.diffIds.map((diffId) => `${diffId.slice(7)}.tar`),
  }));
  const files = images.flatMap(({ image }) => [
    ...image.layers.map(({ digest }, at) =>
      archiveFile(`${image.diffIds[at]?.slice(7)}.tar`, gunzipSync(image.blobs.get(digest) ?? Buffer.alloc(0))),
    ),
    archiveFile(`${hexOf(image.imageId)}.json`, image.blobs.get(image.imageId) ?? ''),
  ]);
  return [...files, archiveFile('manifest.json', JSON.stringify(manifest))];
}

/** What BuildKit lists in an index beside an image: a manifest for no platform over statements. */
export function attestationOf(statement: Buffer): CraftedImage {
  const platform = { os: 'unknown', architecture: 'unknown' };
  const made = craftImage([], { platform });
  const document = JSON.parse(String(made.blobs.get(made.descriptor.digest))) as { layers: unknown[] };
  document.layers = [
    { mediaType: 'application/vnd.in-toto+json', digest: digestOf(statement), size: statement.length },
  ];
  const bytes = Buffer.from(JSON.stringify(document));
  const blobs = new Map([...made.blobs].filter(([digest]) => digest !== made.descriptor.digest));
  blobs.set(digestOf(bytes), bytes).set(digestOf(statement), statement);
  return { ...made, blobs, descriptor: { ...made.descriptor, digest: digestOf(bytes), size: bytes.length } };
}

function header(
  path: string,
  type: 'file' | 'symlink' | 'link',
  { size = 0, link = '' }: { readonly size?: number; readonly link?: string },
): Buffer {
  const fixed = { mode: 0o644, uid: 0, gid: 0, mtime: { sec: 0, nsec: 0 }, devMajor: 0, devMinor: 0 };
  return Buffer.from(
    formatHeader({ ...fixed, path: bytesOf(path), type, size, link: bytesOf(link), xattrs: new Map() }),
  );
}

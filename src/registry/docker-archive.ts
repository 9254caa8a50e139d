import type { WriteChunk } from '../host/index.ts';
import {
  encodeJson,
  familiarName,
  familiarReference,
  hexOf,
  type Digest,
  type JsonValue,
  type Reference,
} from '../oci/index.ts';
import { throwIfAborted } from '../std/index.ts';
import { endOfArchive } from '../tar/index.ts';
import { writeBlobMember, writeFileMember } from './archive-members.ts';
import type { LayoutBlob } from './layout-content.ts';
import type { WaitOptions } from './remote.ts';

/** An image as `docker load` takes it: each layer is its uncompressed tar, whose digest is the diff ID. */
export interface DockerArchiveImage {
  readonly config: LayoutBlob;
  /** Lowest first. */
  readonly layers: readonly LayoutBlob[];
  readonly names: readonly Reference[];
}

export interface DockerArchiveOptions extends WaitOptions {
  /** What else is put into the archive, by path. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Layers that are named and left out. */
  readonly omitted?: ReadonlySet<Digest>;
}

/**
 * Writes images in the format of `docker save` before Docker 25 (moby image/spec v1.2, "Combined Image JSON + Filesystem
 * Changeset Format"), which `docker load`, podman, skopeo and others read: `manifest.json`, a config `<hex>.json` for each
 * image, a layer `<hex>.tar` for each diff ID, and `repositories` for the readers of older files. Names without a tag
 * cannot be given in it.
 *
 * Equal content gives equal bytes. Blobs are hashed on the way: one that is not what its digest and size say is
 * `corrupt`, and the archive is not complete.
 */
export async function writeDockerArchive(
  images: readonly DockerArchiveImage[],
  write: WriteChunk,
  { signal, files = new Map(), omitted = new Set() }: DockerArchiveOptions = {},
): Promise<void> {
  await writeFileMember('manifest.json', encodeJson(images.map(manifestEntry)), write);
  for (const [path, bytes] of files) await writeFileMember(path, bytes, write);
  const written = new Set<string>();
  for (const { config, layers } of images) {
    const members = [
      { path: configPath(config), blob: config },
      ...layers.filter(({ digest }) => !omitted.has(digest)).map((blob) => ({ path: layerPath(blob), blob })),
    ];
    for (const member of members) {
      throwIfAborted(signal, 'write image archive');
      if (written.has(member.path)) continue;
      written.add(member.path);
      await writeBlobMember({ ...member, options: { signal } }, write);
    }
  }
  const repositories = repositoriesOf(images);
  if (Object.keys(repositories).length > 0) await writeFileMember('repositories', encodeJson(repositories), write);
  await write(endOfArchive);
}

function manifestEntry({ config, layers, names }: DockerArchiveImage): JsonValue {
  return dockerArchiveEntry({ config: configPath(config), layers: layers.map(layerPath), names });
}

interface EntryParts {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly Reference[];
}

/** An image in `manifest.json`: paths of what it is made of, and the names that have a tag. */
export function dockerArchiveEntry({ config, layers, names }: EntryParts): JsonValue {
  return { Config: config, RepoTags: tagged(names).map(familiarReference), Layers: layers };
}

/** By name and tag. It has the ID of the image: those of single layers, which it was made for, are no more. */
function repositoriesOf(images: readonly DockerArchiveImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { config, names } of images) {
    for (const name of tagged(names)) {
      const tags = (repositories[familiarName(name)] ??= {});
      tags[name.tag] = hexOf(config.digest);
    }
  }
  return repositories;
}

function tagged(names: readonly Reference[]): readonly (Reference & { readonly tag: string })[] {
  return names.flatMap((name) => (name.tag === undefined ? [] : [{ ...name, tag: name.tag }]));
}

function configPath({ digest }: LayoutBlob): string {
  return `${hexOf(digest)}.json`;
}

function layerPath({ digest }: LayoutBlob): string {
  return `${hexOf(digest)}.tar`;
}

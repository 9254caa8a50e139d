import { Fault } from '../errors/index.ts';
import {
  encodeManifest,
  familiarReference,
  mediaTypes,
  parseImageConfig,
  toDigest,
  type Digest,
  type DiffId,
  type ImageConfig,
} from '../oci/index.ts';
import { parseDockerArchiveManifest, type DockerArchiveEntry } from '../registry/index.ts';
import type { ArchiveContent } from './archive-content.ts';
import type { ReadyImage } from './ready-image.ts';

/** The images of an archive as `docker save` wrote it before Docker 25, and podman and others still do. */
export async function dockerImages(content: ArchiveContent): Promise<readonly ReadyImage[]> {
  const manifest = content.document('manifest.json');
  if (manifest === undefined) throw notAnArchiveOfImages(content);
  const ready: ReadyImage[] = [];
  for (const entry of parseDockerArchiveManifest(manifest)) {
    ready.push({ kind: 'image', digest: await readyImage(entry, content), names: entry.names });
  }
  return ready;
}

async function readyImage(entry: DockerArchiveEntry, content: ArchiveContent): Promise<Digest> {
  const [name] = entry.names;
  const what = name === undefined ? entry.config : familiarReference(name);
  try {
    const bytes = content.document(entry.config);
    if (bytes === undefined) throw new Fault('invalid', `its config ${entry.config} is not in the archive`);
    const config = parseImageConfig(bytes);
    await haveLayers(entry, { what, content, diffIds: config.rootfs.diff_ids });
    return content.keep(manifestOver(config, { digest: content.keep(bytes), sizeBytes: bytes.length, content }));
  } catch (error) {
    throw Fault.is(error, 'not-found') ? error : Fault.wrap(`load ${what}`, error);
  }
}

interface Having {
  readonly what: string;
  readonly content: ArchiveContent;
  readonly diffIds: readonly DiffId[];
}

async function haveLayers({ layers }: DockerArchiveEntry, { what, content, diffIds }: Having): Promise<void> {
  if (layers.length !== diffIds.length) {
    throw new Fault('invalid', `${layers.length} layers in manifest.json, ${diffIds.length} in its config`);
  }
  const missing: DiffId[] = [];
  for (const [index, diffId] of diffIds.entries()) {
    if (!(await content.haveLayer(diffId, layers[index] ?? ''))) missing.push(diffId);
  }
  if (missing.length > 0) throw content.missingLayers(what, missing);
}

interface ManifestParts {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly content: ArchiveContent;
}

function manifestOver({ rootfs }: ImageConfig, { digest, sizeBytes, content }: ManifestParts): Uint8Array {
  return encodeManifest({
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest, size: sizeBytes },
    layers: rootfs.diff_ids.map((diffId) => ({
      mediaType: mediaTypes.ociLayer,
      digest: toDigest(diffId),
      size: content.layerBytes(diffId),
    })),
  });
}

function notAnArchiveOfImages(content: ArchiveContent): Fault {
  if (content.document('repositories') !== undefined) {
    return new Fault('unsupported', 'load images: the archive is of before Docker 1.10, without manifest.json', {
      hint: 'load it with a newer Docker and save it again',
    });
  }
  if (content.isEmpty) return new Fault('invalid', 'load images: no archive of images: it is empty');
  const holds = 'it has neither index.json and oci-layout nor manifest.json';
  return new Fault('invalid', `load images: no archive of images: ${holds}`, {
    hint: "for the tar of a root filesystem there is 'varve import'",
  });
}

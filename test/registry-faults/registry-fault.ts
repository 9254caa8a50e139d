import { hash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { craftImage, type CraftedImage } from '../../src/image/crafted-image.fixture.ts';
import type { Digest } from '../../src/oci/index.ts';
import { sha256, type HostileRegistry, type Misbehaviour, type Question } from '../hostile-registry.ts';

/** Something that a registry does wrong, and what comes of it. */
export interface RegistryFault {
  readonly title: string;
  /** What is done with the registry while it is sick, in this order. */
  readonly asks: readonly Ask[];
  /** What the command says that fails; undefined where the fault is overcome. */
  readonly says: RegExp | undefined;
  readonly misbehave: Misbehaviour;
  /** What the registry has. Default: a good image. */
  readonly image?: () => CraftedImage;
  /** The image itself is the fault: no cure. */
  readonly isHopeless?: true;
}

/** The commands that speak to registries. */
export type Ask =
  | 'login'
  | 'pull'
  | 'pull --all-platforms'
  | 'build FROM'
  | 'build --cache-from'
  | 'build --cache-to'
  | 'copy'
  | 'manifest inspect'
  | 'tags'
  | 'push';

/** Those that need a manifest. */
export const reading = ['pull', 'build FROM', 'copy', 'manifest inspect', 'build --cache-from'] as const;
/** Those that need its blobs. */
export const fetching = ['pull', 'pull --all-platforms', 'build FROM', 'copy'] as const;
export const writing = ['push', 'build --cache-to'] as const;

/** What it gives is false where it did not answer. */
export type Answer = (question: Question, response: ServerResponse, registry: HostileRegistry) => unknown;

/** Answers questions of one kind, and no other. */
export function on(kind: Question['kind'], answer: Answer): Misbehaviour {
  return async (question, response, registry) => {
    if (question.kind !== kind) return false;
    return (await answer(question, response, registry)) !== false;
  };
}

/** Answers to reading manifests, and not to looking whether one is there. */
export function onManifest(answer: Answer): Misbehaviour {
  return on('manifest', (question, ...rest) => question.verb === 'GET' && answer(question, ...rest));
}

/** Answers for the layer that `freshImage` has of noise. */
export function onLayer(answer: Answer): Misbehaviour {
  return on('blob', (question, response, registry) => {
    const isLayer = question.reference === registry.image.layers[1]?.digest && question.verb === 'GET';
    return isLayer && answer(question, response, registry);
  });
}

export function onConfig(answer: Answer): Misbehaviour {
  return on('blob', (question, response, registry) => {
    return question.reference === registry.image.imageId && answer(question, response, registry);
  });
}

export function onUpload(verb: string, answer: Answer): Misbehaviour {
  return on('upload', (question, ...rest) => question.verb === verb && answer(question, ...rest));
}

/** For faults of the image itself. */
export const nothingElse: Misbehaviour = () => false;

/** An image that no other test has, so that all can share a store: a small layer and one of noise. */
export function freshImage(): CraftedImage {
  return craftImage([{ files: { 'etc/motd': 'hello\n' } }, { files: { data: randomBytes(200_000) } }]);
}

export interface LooseDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  [field: string]: unknown;
}

export interface LooseManifest {
  mediaType: string;
  config: LooseDescriptor;
  layers: LooseDescriptor[];
  [field: string]: unknown;
}

export interface LooseConfig {
  rootfs: { diff_ids: string[] };
  [field: string]: unknown;
}

/** The image with another manifest, given as a value or as text; digests fit again. */
export function withManifest(image: CraftedImage, edit: (manifest: LooseManifest) => object | string): CraftedImage {
  const edited = edit(JSON.parse(String(image.blobs.get(image.descriptor.digest))) as LooseManifest);
  const bytes = Buffer.from(typeof edited === 'string' ? edited : JSON.stringify(edited));
  const { mediaType } = image.descriptor;
  const descriptor = { mediaType, digest: sha256(bytes) as Digest, size: bytes.length };
  return { ...image, descriptor, blobs: new Map([...image.blobs, [descriptor.digest, bytes]]) };
}

/** The image with another config; digests fit again. */
export function withConfig(image: CraftedImage, edit: (config: LooseConfig) => object | string): CraftedImage {
  const edited = edit(JSON.parse(String(image.blobs.get(image.imageId))) as LooseConfig);
  const bytes = Buffer.from(typeof edited === 'string' ? edited : JSON.stringify(edited));
  const imageId = sha256(bytes) as Digest;
  const changed = { ...image, imageId, blobs: new Map([...image.blobs, [imageId, bytes]]) };
  return withManifest(changed, (manifest) => ({
    ...manifest,
    config: { ...manifest.config, digest: imageId, size: bytes.length },
  }));
}

/** The image with other bytes for its second layer, under digests that fit, as the layer type says. */
export function withLayer(image: CraftedImage, bytes: Buffer, claims: LayerClaims = {}): CraftedImage {
  const { mediaType, diffId, algorithm = 'sha256' } = claims;
  const digest = `${algorithm}:${hash(algorithm, bytes)}` as Digest;
  const blobs = new Map([...image.blobs, [digest, bytes] as const]);
  const configured =
    diffId === undefined
      ? { ...image, blobs }
      : withConfig({ ...image, blobs }, (config) => ({
          ...config,
          rootfs: { type: 'layers', diff_ids: [config.rootfs.diff_ids[0], diffId] },
        }));
  return withManifest(configured, (manifest) => {
    const [first, second] = manifest.layers as [LooseDescriptor, LooseDescriptor];
    const other = { mediaType: mediaType ?? second.mediaType, digest, size: bytes.length };
    return { ...manifest, layers: [first, other] };
  });
}

export interface LayerClaims {
  readonly mediaType?: string;
  readonly diffId?: string;
  readonly algorithm?: 'sha256' | 'sha512';
}

/** A document without an end: sent as long as somebody takes it, up to `sizeBytes`. */
export async function flood(response: ServerResponse, piece: string | Uint8Array, sizeBytes: number): Promise<void> {
  const bytes = Buffer.from(piece);
  response.on('error', () => undefined);
  for (let sent = 0; sent < sizeBytes && !response.destroyed; sent += bytes.length) {
    if (!response.write(bytes)) await new Promise<void>((resolve) => onceAny(response, ['drain', 'close'], resolve));
  }
  response.end();
}

function onceAny(response: ServerResponse, events: readonly string[], done: () => void): void {
  const settle = (): void => {
    for (const event of events) response.off(event, settle);
    done();
  };
  for (const event of events) response.on(event, settle);
}

import { createHash, hash } from 'node:crypto';
import { Fault } from '../errors/index.ts';

/**
 * Names of content (image-spec descriptor.md "Digests", config.md "Layer DiffID" and "Layer ChainID").
 *
 * Three names are easily mixed up, so they are three types, and none is assignable to another:
 *
 * - a `Digest` names a blob as it is stored and sent: a manifest, a config, a (compressed) layer;
 * - a `DiffId` names a layer by its uncompressed tar, however it was compressed;
 * - a `ChainId` names a stack of layers from the base up to one of them.
 *
 * A blob that is an uncompressed layer has a digest equal to its DiffId: `toDiffId` and `toDigest` say so in code.
 * Accepted are the two algorithms that the specification registers and that every platform has, sha256 and sha512, in
 * lower-case hex. DiffIds and ChainIds are always sha256, as every builder makes them. What is well-formed but uses
 * another algorithm cannot be verified, and is refused as `unsupported`; what is not well-formed is `invalid`.
 */
export type Digest = string & { readonly [digestBrand]: true };
export type DiffId = string & { readonly [diffIdBrand]: true };
export type ChainId = string & { readonly [chainIdBrand]: true };
declare const digestBrand: unique symbol;
declare const diffIdBrand: unique symbol;
declare const chainIdBrand: unique symbol;

export type DigestAlgorithm = 'sha256' | 'sha512';

/** Hashes what is written to it piece by piece. */
export interface Digester {
  update(bytes: Uint8Array): void;
  /** The digest of all that was written. Call it once, last. */
  digest(): Digest;
}

const hexLengths: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const grammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;

export function parseDigest(text: string): Digest {
  const [, algorithm = '', encoded = ''] = grammar.exec(text) ?? [];
  if (algorithm === '') throw new Fault('invalid', `parse digest ${quote(text)}: not of the form algorithm:hex`);
  if (!isSupported(algorithm)) {
    throw new Fault('unsupported', `parse digest ${quote(text)}: unknown algorithm ${algorithm}`, {
      hint: 'sha256 and sha512 can be verified here',
    });
  }
  const length = hexLengths[algorithm];
  if (encoded.length !== length || !/^[0-9a-f]+$/.test(encoded)) {
    throw new Fault('invalid', `parse digest ${quote(text)}: ${algorithm} has ${length} lower-case hex digits`);
  }
  return text as Digest;
}

export function parseDiffId(text: string): DiffId {
  return toDiffId(parseDigest(text));
}

/** The digest of an uncompressed layer tar, as the DiffId that it is. */
export function toDiffId(digest: Digest): DiffId {
  if (algorithmOf(digest) === 'sha256') return digest as string as DiffId;
  throw new Fault('unsupported', `use ${digest} as a diff id: only sha256 names layers`);
}

/** The same bytes named as a blob: for a DiffId the uncompressed tar. */
export function toDigest(id: DiffId): Digest {
  return id as string as Digest;
}

/** The sha256 digest of `bytes`. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', bytes, 'hex')}` as Digest;
}

export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  const state = createHash(algorithm);
  return {
    update: (bytes) => void state.update(bytes),
    digest: () => `${algorithm}:${state.digest('hex')}` as Digest,
  };
}

/** True if `bytes` are what `digest` names. */
export function digestMatches(digest: Digest, bytes: Uint8Array): boolean {
  const [algorithm, hex] = [algorithmOf(digest), hexOf(digest)];
  return hash(algorithm, bytes, 'hex') === hex;
}

export function algorithmOf(digest: Digest | DiffId | ChainId): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function hexOf(digest: Digest | DiffId | ChainId): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The first 12 hex digits, as people are shown them. */
export function shortDigest(digest: Digest | DiffId | ChainId): string {
  return hexOf(digest).slice(0, 12);
}

/**
 * The ChainIds of a stack of layers, base first: the n-th names the layers up to and including the n-th.
 * (ChainID(L₀) = DiffID(L₀); ChainID(L₀|…|Lₙ) = sha256(ChainID(L₀|…|Lₙ₋₁) + " " + DiffID(Lₙ)).)
 */
export function chainIds(diffIds: readonly DiffId[]): readonly ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) chain.push(extendChain(chain.at(-1), diffId));
  return chain;
}

/** The ChainId of one more layer on a stack; of the layer alone when there is nothing below. */
export function extendChain(below: ChainId | undefined, diffId: DiffId): ChainId {
  const id: string = below === undefined ? diffId : digestOf(`${below} ${diffId}`);
  return id as ChainId;
}

function isSupported(algorithm: string): algorithm is DigestAlgorithm {
  return Object.hasOwn(hexLengths, algorithm);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
}

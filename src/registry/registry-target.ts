import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import {
  digestOf,
  encodeManifest,
  isTag,
  manifestMediaTypes,
  mediaTypes,
  parseDigest,
  parseManifest,
  type Descriptor,
  type Digest,
  type Manifest,
} from '../oci/index.ts';
import type { Audience } from './authorizer.ts';
import { mergeScopes, repositoryScope } from './auth-scope.ts';
import { noBody, uploadBlob, type UploadPorts } from './blob-upload.ts';
import { uploadGrowingBlob } from './growing-upload.ts';
import { referrersTag } from './referrers.ts';
import { RegistryRepository, type RepositoryOptions } from './registry-repository.ts';
import type { WaitOptions } from './remote.ts';
import type { BlobContent, GrowingContent, PutBlobOptions, PutManifestOptions, RemoteTarget } from './remote-target.ts';
import { locationOf } from './upload-location.ts';

/** One repository of a registry, written over the distribution protocol (distribution-spec "Push"). */
export class RegistryTarget extends RegistryRepository implements RemoteTarget {
  readonly #audience: Audience;
  readonly #options: RepositoryOptions;
  /** Uploads that a registry began where it was asked to mount: they serve for the blob's own bytes. */
  readonly #begun = new Map<Digest, URL>();

  constructor(audience: Audience, options: RepositoryOptions) {
    super(audience, options);
    this.#audience = audience;
    this.#options = options;
  }

  async hasBlob({ digest }: Descriptor, { signal }: WaitOptions): Promise<boolean> {
    const what = `${this.name}: blob ${digest}`;
    const query = { method: 'HEAD', audience: this.#audience, path: `blobs/${digest}`, headers: {}, what } as const;
    const found = this.#options.transport(query, async (answer) => answer.discard().then(() => true), signal);
    return (await undefinedIfMissing(found)) ?? false;
  }

  async mountBlob({ digest }: Descriptor, from: string, { signal }: WaitOptions): Promise<boolean> {
    const { address, repository, scopes } = this.#audience;
    if (!from.startsWith(`${address.registry}/`)) return false;
    const source = from.slice(address.registry.length + 1);
    if (source === repository) return false;
    const audience = { address, repository, scopes: mergeScopes([...scopes, repositoryScope(source, 'pull')]) };
    const path = `blobs/uploads/?mount=${digest}&from=${encodeURIComponent(source)}`;
    const what = `${this.name}: mount blob ${digest} from ${source}`;
    const query = { method: 'POST', audience, path, headers: {}, body: noBody, what } as const;
    const begun = await this.#options
      .transport(query, (answer) => uploadBegunBy(answer, audience), signal)
      .catch(notAllowed);
    if (begun instanceof URL) this.#begun.set(digest, begun);
    return begun === 'mounted';
  }

  async putBlob(content: BlobContent, options: PutBlobOptions): Promise<void> {
    const { descriptor } = content;
    const session = this.#begun.get(descriptor.digest);
    this.#begun.delete(descriptor.digest);
    const ports = this.#uploadPorts(`upload blob ${descriptor.digest}`, () => this.hasBlob(descriptor, options));
    await uploadBlob(content, session, { ports, options });
  }

  async putGrowingBlob(content: GrowingContent, options: PutBlobOptions): Promise<void> {
    const isThere = async (): Promise<boolean> => this.hasBlob(await content.descriptor, options);
    const ports = this.#uploadPorts('upload a layer while it is compressed', isThere);
    await uploadGrowingBlob(content, { ports, options });
  }

  async findManifest(tagOrDigest: string, { signal }: WaitOptions): Promise<Descriptor | undefined> {
    const what = `${this.name}: manifest ${tagOrDigest}`;
    const headers = { accept: manifestMediaTypes.join(', ') };
    const query = {
      method: 'HEAD',
      audience: this.#audience,
      path: `manifests/${tagOrDigest}`,
      headers,
      what,
    } as const;
    const read = async (answer: HttpAnswer): Promise<Descriptor | undefined> => {
      await answer.discard();
      return descriptorOf(answer, tagOrDigest);
    };
    return undefinedIfMissing(this.#options.transport(query, read, signal));
  }

  async putManifest(bytes: Uint8Array, { mediaType, tag, signal }: PutManifestOptions): Promise<Digest> {
    const digest = digestOf(bytes);
    const manifest = parseManifest(bytes, { mediaType });
    const isListed = await this.#put(bytes, { mediaType, under: tag ?? digest, digest, signal });
    if (manifest.subject !== undefined && !isListed) {
      await this.#addReferrer(manifest.subject.digest, referrerOf(manifest, { digest, size: bytes.length }), {
        signal,
      });
    }
    return digest;
  }

  #uploadPorts(what: string, isThere: UploadPorts['isThere']): UploadPorts {
    return { ...this.#options, audience: this.#audience, isThere, what: `${this.name}: ${what}` };
  }

  /** True if the registry lists it among the referrers of its subject by itself. */
  async #put(
    bytes: Uint8Array,
    { mediaType, under, digest, signal }: PutManifestOptions & { readonly under: string; readonly digest: Digest },
  ): Promise<boolean> {
    const what = `${this.name}: put manifest ${under}`;
    const query = {
      method: 'PUT',
      audience: this.#audience,
      path: `manifests/${under}`,
      headers: { 'content-type': mediaType },
      body: { sizeBytes: bytes.length, open: () => [bytes] },
      what,
    } as const;
    const read = async (answer: HttpAnswer): Promise<boolean> => {
      await answer.discard();
      const stated = answer.headers['docker-content-digest'];
      if (typeof stated === 'string' && stated !== digest) {
        throw new Fault('corrupt', `the registry stored it as ${stated}, not as ${digest}`);
      }
      return answer.headers['oci-subject'] !== undefined;
    };
    return this.#options.transport(query, read, signal);
  }

  /** distribution-spec "Unavailable Referrers API": the list is an index under a tag, kept by those who push. */
  async #addReferrer(subject: Digest, referrer: Descriptor, { signal }: WaitOptions): Promise<void> {
    const others = (await this.referrers(subject, { signal })).filter(({ digest }) => digest !== referrer.digest);
    const bytes = encodeManifest({ kind: 'index', mediaType: mediaTypes.ociIndex, manifests: [...others, referrer] });
    const mediaType = mediaTypes.ociIndex;
    await this.#put(bytes, { mediaType, under: referrersTag(subject), digest: digestOf(bytes), signal });
  }
}

async function undefinedIfMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (Fault.is(error, 'not-found')) return undefined;
    throw error;
  }
}

async function uploadBegunBy(answer: HttpAnswer, { address }: Audience): Promise<URL | 'mounted'> {
  await answer.discard();
  return answer.status === 201 ? 'mounted' : locationOf(answer.headers.location, address);
}

/** Whoever may not read the other repository, or asks a registry that cannot mount, brings the bytes. */
function notAllowed(error: unknown): undefined {
  if (!Fault.is(error) || Fault.is(error, 'cancelled') || Fault.is(error, 'unavailable')) throw error;
  return undefined;
}

function descriptorOf(answer: HttpAnswer, tagOrDigest: string): Descriptor | undefined {
  const { 'docker-content-digest': stated, 'content-type': type = '', 'content-length': length } = answer.headers;
  const digest = isTag(tagOrDigest) ? stated : tagOrDigest;
  if (typeof digest !== 'string') return undefined;
  return { mediaType: type.split(';', 1)[0]?.trim() ?? '', digest: parseDigest(digest), size: Number(length ?? 0) };
}

/** How a manifest stands in the list of referrers: with the type of what it is, and its annotations. */
function referrerOf(
  manifest: Manifest,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): Descriptor {
  const {
    mediaType,
    artifactType = manifest.kind === 'image' ? manifest.config.mediaType : undefined,
    annotations,
  } = manifest;
  return { mediaType, digest, size, ...(artifactType && { artifactType }), ...(annotations && { annotations }) };
}

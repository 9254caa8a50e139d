import { Fault } from '../errors/index.ts';
import {
  choosePlatform,
  isImageIndexType,
  isImageManifestType,
  isTag,
  maxManifestBytes,
  parseDigest,
  parseManifest,
} from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { hasAlready, identity } from './blob-requests.ts';
import { emptyAnswer, type RegistryAnswer, type RegistryRequest } from './exchange.ts';
import { errorAnswer, faultAnswer } from './protocol-error.ts';
import type { ManifestName, RegistryContent, ServedManifest } from './registry-content.ts';

/** GET and HEAD of a manifest (distribution-spec "Pulling manifests"). */
export async function getManifest(
  content: RegistryContent,
  repository: string,
  { name, request }: { readonly name: ManifestName; readonly request: RegistryRequest },
): Promise<RegistryAnswer> {
  const found = await content.manifest(repository, name);
  if (found === undefined) return unknownManifest(repository, name);
  const accepted = acceptedBy(request.header('accept'));
  const manifest = accepted(found.mediaType)
    ? found
    : await asOlderClientsKnow(content, repository, { found, accepted });
  if (manifest === undefined) {
    return errorAnswer('MANIFEST_UNKNOWN', `it is ${found.mediaType}, which the request does not accept`);
  }
  const { digest, mediaType, bytes } = manifest;
  if (hasAlready(request, digest)) return emptyAnswer(304, identity(digest));
  return {
    status: 200,
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length), ...identity(digest) },
    body: request.method === 'HEAD' ? undefined : bytes,
  };
}

/** PUT of a manifest under a tag or its digest, and under the tags of the query (distribution-spec "Pushing manifests"). */
export async function putManifest(
  content: RegistryContent,
  repository: string,
  { name, request }: { readonly name: ManifestName; readonly request: RegistryRequest },
): Promise<RegistryAnswer> {
  const tags: string[] = [...(name.kind === 'tag' ? [name.tag] : []), ...request.query.getAll('tag')];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined) return errorAnswer('TAG_INVALID', `${JSON.stringify(wrong.slice(0, 200))} is no tag`);
  if (tags.length > mostTags) return errorAnswer('TAG_INVALID', `more than ${mostTags} tags at once`);
  const bytes = await bodyOf(request);
  if (bytes === undefined) {
    return errorAnswer('SIZE_INVALID', `a manifest has at most ${maxManifestBytes} bytes`);
  }
  try {
    const digest = name.kind === 'digest' ? name.digest : undefined;
    const mediaType = request.header('content-type')?.split(';')[0]?.trim();
    const stored = await content.putManifest(repository, { bytes, mediaType, digest, tags });
    return emptyAnswer(201, {
      location: `/v2/${repository}/manifests/${name.kind === 'tag' ? name.tag : stored.digest}`,
      'docker-content-digest': stored.digest,
      ...(stored.subject === undefined ? {} : { 'oci-subject': stored.subject }),
      ...(request.query.has('tag') ? { 'oci-tag': tags } : {}),
    });
  } catch (error) {
    return faultAnswer(error, { 'not-found': 'MANIFEST_BLOB_UNKNOWN', unsupported: 'MANIFEST_INVALID' });
  }
}

export function deleteManifest(content: RegistryContent, repository: string, name: ManifestName): RegistryAnswer {
  return content.deleteManifest(repository, name) ? emptyAnswer(202) : unknownManifest(repository, name);
}

/** Reads a reference: a tag, undefined if it cannot be one, or a digest. Fault `invalid` or `unsupported`. */
export function manifestName(reference: string): ManifestName | undefined {
  if (reference.includes(':')) return { kind: 'digest', digest: parseDigest(reference) };
  return isTag(reference) ? { kind: 'tag', tag: reference } : undefined;
}

/** What cannot be a tag can be asked for, and is not there. */
export function notATag(method: string, reference: string): RegistryAnswer {
  const message = `${JSON.stringify(reference.slice(0, 200))} is no tag`;
  return errorAnswer(method === 'PUT' ? 'TAG_INVALID' : 'MANIFEST_UNKNOWN', message);
}

const mostTags = 10;

async function bodyOf(request: RegistryRequest): Promise<Uint8Array | undefined> {
  if (Number(request.header('content-length') ?? 0) > maxManifestBytes) return undefined;
  try {
    return await readAll(request.body, maxManifestBytes);
  } catch (error) {
    if (Fault.is(error, 'exhausted')) return undefined;
    throw error;
  }
}

/** Clients of before indexes ask for the manifest of one image: that of the platform that all of them mean. */
async function asOlderClientsKnow(
  content: RegistryContent,
  repository: string,
  { found, accepted }: { readonly found: ServedManifest; readonly accepted: (mediaType: string) => boolean },
): Promise<ServedManifest | undefined> {
  if (!isImageIndexType(found.mediaType)) return undefined;
  const index = parseManifest(found.bytes, { mediaType: found.mediaType });
  const members = index.kind === 'index' ? index.manifests : [];
  const candidates = members.flatMap((each) => {
    const isUsable = each.platform !== undefined && isImageManifestType(each.mediaType) && accepted(each.mediaType);
    return isUsable ? [{ ...each, platform: each.platform }] : [];
  });
  const chosen = choosePlatform(candidates, { os: 'linux', architecture: 'amd64' });
  return chosen && (await content.manifest(repository, { kind: 'digest', digest: chosen.digest }));
}

/** Whether an `Accept` header allows a media type; without one everything is allowed. */
function acceptedBy(header: string | undefined): (mediaType: string) => boolean {
  const ranges = (header ?? '').split(',').map((range) => (range.split(';')[0] ?? '').trim().toLowerCase());
  const named = ranges.filter((range) => range !== '');
  if (named.length === 0 || named.some((range) => range === '*/*' || range === 'application/*')) return () => true;
  return (mediaType) => named.includes(mediaType);
}

function unknownManifest(repository: string, name: ManifestName): RegistryAnswer {
  const shown = name.kind === 'tag' ? `:${name.tag}` : `@${name.digest}`;
  return errorAnswer('MANIFEST_UNKNOWN', `${repository}${shown} is not stored here`);
}

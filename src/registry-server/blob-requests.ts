import type { Digest } from '../oci/index.ts';
import { askedRange } from './byte-range.ts';
import { emptyAnswer, type RegistryAnswer, type RegistryRequest } from './exchange.ts';
import { errorAnswer, faultAnswer } from './protocol-error.ts';
import type { RegistryContent, ServedBlob } from './registry-content.ts';

/** GET and HEAD of a blob: whole, in part, or not at all where the client has it (distribution-spec "Pulling blobs"). */
export function getBlob(content: RegistryContent, digest: Digest, request: RegistryRequest): RegistryAnswer {
  const blob = content.blob(digest);
  if (blob === undefined) return errorAnswer('BLOB_UNKNOWN', `blob ${digest} is not stored here`);
  if (hasAlready(request, digest)) return emptyAnswer(304, identity(digest));
  const asked = request.method === 'GET' && rangeCounts(request, digest) ? request.header('range') : undefined;
  const range = askedRange(asked, blob.sizeBytes);
  if (range.kind === 'unsatisfiable') return unsatisfiable(blob);
  const { startBytes, endBytes } = range.kind === 'part' ? range : { startBytes: 0, endBytes: blob.sizeBytes };
  const partial = { 'content-range': `bytes ${startBytes}-${endBytes - 1}/${blob.sizeBytes}` };
  return {
    status: range.kind === 'part' ? 206 : 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(endBytes - startBytes),
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=31536000, immutable',
      ...identity(digest),
      ...(range.kind === 'part' ? partial : {}),
    },
    body: request.method === 'HEAD' ? undefined : blob.read({ startBytes, endBytes }),
  };
}

export function deleteBlob(content: RegistryContent, digest: Digest): RegistryAnswer {
  try {
    if (content.deleteBlob(digest)) return emptyAnswer(202);
    return errorAnswer('BLOB_UNKNOWN', `blob ${digest} is not stored here`);
  } catch (error) {
    return faultAnswer(error, { conflict: 'UNSUPPORTED' });
  }
}

/** What names the content in an answer. */
export function identity(digest: Digest): Readonly<Record<string, string>> {
  return { 'docker-content-digest': digest, etag: `"${digest}"` };
}

/** True where `If-None-Match` names the content (RFC 9110 section 13.1.2). */
export function hasAlready({ header }: RegistryRequest, digest: Digest): boolean {
  const tags = (header('if-none-match') ?? '').split(',');
  return tags.some((tag) => [digest as string, `"${digest}"`, `W/"${digest}"`].includes(tag.trim()));
}

function rangeCounts({ header }: RegistryRequest, digest: Digest): boolean {
  const condition = header('if-range');
  return condition === undefined || condition === `"${digest}"`;
}

function unsatisfiable({ sizeBytes }: ServedBlob): RegistryAnswer {
  return errorAnswer('UNSUPPORTED', `the blob has ${sizeBytes} bytes`, {
    status: 416,
    headers: { 'content-range': `bytes */${sizeBytes}` },
  });
}

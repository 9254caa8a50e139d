import { Fault } from '../errors/index.ts';
import { parseDigest, type Digest } from '../oci/index.ts';
import { chunkRange } from './byte-range.ts';
import { emptyAnswer, type RegistryAnswer, type RegistryRequest } from './exchange.ts';
import { errorAnswer, faultAnswer } from './protocol-error.ts';
import type { RegistryContent } from './registry-content.ts';
import type { Upload } from './upload.ts';

/** POST to where uploads begin: a mount, a blob in one request, or a new session (distribution-spec "Pushing blobs"). */
export async function beginUpload(
  content: RegistryContent,
  repository: string,
  request: RegistryRequest,
): Promise<RegistryAnswer> {
  const [mount, digest] = [request.query.get('mount'), request.query.get('digest')];
  if (mount !== null && content.blob(parseDigest(mount)) !== undefined) return stored(repository, parseDigest(mount));
  const expected = digest === null ? undefined : parseDigest(digest);
  const upload = content.beginUpload();
  if (expected === undefined) return progress(202, repository, upload);
  try {
    return await finish(upload, repository, { digest: expected, request });
  } catch (error) {
    upload.cancel();
    throw error;
  }
}

/** GET, PATCH, PUT and DELETE of an upload. */
export async function continueUpload(
  upload: Upload,
  repository: string,
  request: RegistryRequest,
): Promise<RegistryAnswer> {
  if (request.method === 'GET') return progress(204, repository, upload);
  if (request.method === 'DELETE') {
    upload.cancel();
    return emptyAnswer(204);
  }
  const misplaced = misplacement(upload, repository, request);
  if (misplaced !== undefined) return misplaced;
  if (request.method === 'PUT') {
    const digest = parseDigest(request.query.get('digest') ?? '');
    return finish(upload, repository, { digest, request });
  }
  await upload.append(request.body);
  return progress(202, repository, upload);
}

/** The answer to a chunk that does not begin where the last one ended, or is not as long as it says. */
function misplacement(upload: Upload, repository: string, { header }: RegistryRequest): RegistryAnswer | undefined {
  const stated = header('content-range');
  if (stated === undefined) return undefined;
  const range = chunkRange(stated);
  if (range === undefined) return errorAnswer('BLOB_UPLOAD_INVALID', `content range ${JSON.stringify(stated)} is none`);
  const length = header('content-length');
  if (length !== undefined && Number(length) !== range.endBytes - range.startBytes) {
    return errorAnswer('BLOB_UPLOAD_INVALID', `content range ${stated} is not that of ${length} bytes`);
  }
  if (range.startBytes === upload.offsetBytes) return undefined;
  const message = `the upload goes on at byte ${upload.offsetBytes}, the chunk begins at ${range.startBytes}`;
  return errorAnswer('BLOB_UPLOAD_INVALID', message, { status: 416, headers: position(repository, upload) });
}

async function finish(
  upload: Upload,
  repository: string,
  { digest, request }: { readonly digest: Digest; readonly request: RegistryRequest },
): Promise<RegistryAnswer> {
  await upload.append(request.body);
  try {
    await upload.commit(digest);
    return stored(repository, digest);
  } catch (error) {
    if (Fault.is(error, 'corrupt')) return faultAnswer(error, { corrupt: 'DIGEST_INVALID' });
    throw error;
  }
}

function stored(repository: string, digest: Digest): RegistryAnswer {
  const location = `/v2/${repository}/blobs/${digest}`;
  return emptyAnswer(201, { location, 'docker-content-digest': digest });
}

function progress(status: number, repository: string, upload: Upload): RegistryAnswer {
  return emptyAnswer(status, position(repository, upload));
}

/** Nothing yet is `0-0`, as other registries say it: the form has no way to say less. */
function position(repository: string, { id, offsetBytes }: Upload): Readonly<Record<string, string>> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, offsetBytes - 1)}`,
    'docker-upload-uuid': id,
  };
}

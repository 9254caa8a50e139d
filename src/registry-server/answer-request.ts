import { Fault } from '../errors/index.ts';
import { parseDigest } from '../oci/index.ts';
import { deleteBlob, getBlob } from './blob-requests.ts';
import { jsonAnswer, type RegistryAnswer, type RegistryRequest } from './exchange.ts';
import { listReferrers, listRepositories, listTags } from './listing-requests.ts';
import { deleteManifest, getManifest, manifestName, notATag, putManifest } from './manifest-requests.ts';
import { errorAnswer, faultAnswer, type ErrorCode } from './protocol-error.ts';
import type { RegistryContent } from './registry-content.ts';
import { isRepositoryName, routeOf, type Route } from './route.ts';
import { beginUpload, continueUpload } from './upload-requests.ts';

export interface RegistryOptions {
  /** Whatever would change something is refused. */
  readonly readOnly: boolean;
}

/**
 * Answers one request. What is wrong with it is part of the answer; thrown is only what the registry itself has done wrong,
 * and what the body failed with. Nothing of a path or a header reaches the content that is not a name or a digest of
 * the specification's grammar.
 */
export async function answerRequest(
  content: RegistryContent,
  request: RegistryRequest,
  options: RegistryOptions,
): Promise<RegistryAnswer> {
  const route = routeOf(request.path);
  if (route === undefined) return errorAnswer('UNSUPPORTED', 'no such endpoint of a registry', { status: 404 });
  const allowed = methods[route.kind].filter((method) => !options.readOnly || isReading(method, route));
  if (!allowed.includes(request.method)) return refusedMethod(request.method, route, allowed);
  if ('repository' in route && !isRepositoryName(route.repository)) {
    return errorAnswer('NAME_INVALID', `${JSON.stringify(route.repository.slice(0, 300))} is no name of a repository`);
  }
  try {
    return await answerRoute(content, route, request);
  } catch (error) {
    if (!Fault.is(error)) throw error;
    return faultAnswer(error, wrongWhere[route.kind]);
  }
}

const methods: Readonly<Record<Route['kind'], readonly string[]>> = {
  base: ['GET', 'HEAD'],
  catalog: ['GET', 'HEAD'],
  tags: ['GET', 'HEAD'],
  referrers: ['GET', 'HEAD'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
  blob: ['GET', 'HEAD', 'DELETE'],
  uploads: ['POST'],
  upload: ['GET', 'PATCH', 'PUT', 'DELETE'],
};

/** What a malformed name or digest is called where it stands. */
const wrongWhere: Readonly<Record<Route['kind'], Parameters<typeof faultAnswer>[1]>> = {
  base: {},
  catalog: {},
  tags: { invalid: 'NAME_INVALID' },
  referrers: malformed('DIGEST_INVALID'),
  manifest: malformed('MANIFEST_INVALID'),
  blob: malformed('DIGEST_INVALID'),
  uploads: { ...malformed('DIGEST_INVALID'), unavailable: 'TOOMANYREQUESTS' },
  upload: { ...malformed('DIGEST_INVALID'), conflict: 'BLOB_UPLOAD_INVALID' },
};

function malformed(code: ErrorCode): Parameters<typeof faultAnswer>[1] {
  return { invalid: code, unsupported: code };
}

function answerRoute(
  content: RegistryContent,
  route: Route,
  request: RegistryRequest,
): RegistryAnswer | Promise<RegistryAnswer> {
  switch (route.kind) {
    case 'base':
      return jsonAnswer(200, {});
    case 'catalog':
      return listRepositories(content, request);
    case 'tags':
      return listTags(content, route.repository, request);
    case 'referrers':
      return listReferrers(content, route.repository, { subject: parseDigest(route.digest), request });
    case 'manifest':
      return answerManifest(content, route, request);
    case 'blob':
      return request.method === 'DELETE'
        ? deleteBlob(content, parseDigest(route.digest))
        : getBlob(content, parseDigest(route.digest), request);
    case 'uploads':
      return beginUpload(content, route.repository, request);
    case 'upload':
      return answerUpload(content, route, request);
  }
}

function answerManifest(
  content: RegistryContent,
  { repository, reference }: Extract<Route, { kind: 'manifest' }>,
  request: RegistryRequest,
): RegistryAnswer | Promise<RegistryAnswer> {
  const name = manifestName(reference);
  if (name === undefined) return notATag(request.method, reference);
  if (request.method === 'PUT') return putManifest(content, repository, { name, request });
  if (request.method === 'DELETE') return deleteManifest(content, repository, name);
  return getManifest(content, repository, { name, request });
}

function answerUpload(
  content: RegistryContent,
  { repository, id }: Extract<Route, { kind: 'upload' }>,
  request: RegistryRequest,
): RegistryAnswer | Promise<RegistryAnswer> {
  const upload = content.upload(id);
  if (upload === undefined) return errorAnswer('BLOB_UPLOAD_UNKNOWN', 'no such upload: it ended, or it never began');
  return continueUpload(upload, repository, request);
}

function isReading(method: string, { kind }: Route): boolean {
  return kind !== 'uploads' && kind !== 'upload' && (method === 'GET' || method === 'HEAD');
}

/** 405 in either case: a registry that only reads knows these methods of no path. */
function refusedMethod(method: string, { kind }: Route, allowed: readonly string[]): RegistryAnswer {
  const isKnown = methods[kind].includes(method);
  const message = isKnown ? 'this registry is read-only' : `no ${method.slice(0, 20)} here`;
  return errorAnswer(isKnown ? 'DENIED' : 'UNSUPPORTED', message, {
    status: 405,
    headers: { allow: allowed.join(', ') },
  });
}

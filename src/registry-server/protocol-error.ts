import { Fault, type FaultCode } from '../errors/index.ts';
import { jsonAnswer, type AnswerHeaders, type RegistryAnswer } from './exchange.ts';

/** Why a request failed (distribution-spec "Error Codes"), each with its usual status. */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 413,
  TAG_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
} as const;

export type ErrorCode = keyof typeof statuses;

export interface ErrorOptions {
  /** Where it is not the code's usual one. */
  readonly status?: number;
  readonly headers?: AnswerHeaders;
  /** What the log says, where the client is told less. */
  readonly reason?: string;
}

export function errorAnswer(code: ErrorCode, message: string, options: ErrorOptions = {}): RegistryAnswer {
  const { status = statuses[code], headers, reason = message } = options;
  return { ...jsonAnswer(status, { errors: [{ code, message }] }, headers), reason: `${code}: ${reason}` };
}

/**
 * The answer to a failure; `expected` says which codes stand for which faults where the request was handled. What is wrong
 * with the store is for the log: it names its files.
 */
export function faultAnswer(error: unknown, expected: Partial<Record<FaultCode, ErrorCode>> = {}): RegistryAnswer {
  if (!Fault.is(error)) return failure('UNKNOWN', error instanceof Error ? error.message : String(error));
  const code = expected[error.code] ?? usualCodes[error.code];
  return statuses[code] >= 500 ? failure(code, error.message) : errorAnswer(code, error.message);
}

function failure(code: ErrorCode, reason: string): RegistryAnswer {
  return errorAnswer(code, 'the registry failed; its log says why', { reason });
}

const usualCodes: Readonly<Record<FaultCode, ErrorCode>> = {
  'not-found': 'BLOB_UNKNOWN',
  'already-exists': 'DENIED',
  invalid: 'MANIFEST_INVALID',
  conflict: 'UNSUPPORTED',
  denied: 'DENIED',
  unauthenticated: 'UNAUTHORIZED',
  unavailable: 'UNAVAILABLE',
  unsupported: 'UNSUPPORTED',
  corrupt: 'DIGEST_INVALID',
  exhausted: 'UNAVAILABLE',
  cancelled: 'UNAVAILABLE',
  internal: 'UNKNOWN',
};

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
}

export function errorAnswer(code: ErrorCode, message: string, options: ErrorOptions = {}): RegistryAnswer {
  const { status = statuses[code], headers } = options;
  return jsonAnswer(status, { errors: [{ code, message }] }, headers);
}

/** The answer to a failure; `expected` says which codes stand for which faults where the request was handled. */
export function faultAnswer(error: unknown, expected: Partial<Record<FaultCode, ErrorCode>> = {}): RegistryAnswer {
  if (!Fault.is(error)) return errorAnswer('UNKNOWN', 'the registry failed; its log says why');
  const code = expected[error.code] ?? usualCodes[error.code];
  return errorAnswer(code, error.message);
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

/**
 * The closed set of reasons for which an operation fails.
 *
 * Three places map them and nothing else does: the exit code of the program, the HTTP status of the API, the error
 * code of the registry protocol. A new reason is a decision, not a convenience.
 */
export type FaultCode =
  | 'not-found'
  | 'already-exists'
  | 'invalid'
  | 'conflict'
  | 'denied'
  | 'unauthenticated'
  | 'unavailable'
  | 'unsupported'
  | 'corrupt'
  | 'exhausted'
  | 'cancelled'
  | 'internal';

export interface FaultOptions {
  /** What a person can do about it: one sentence, in lower case, without a final stop. */
  readonly hint?: string;
  /** What went wrong below. */
  readonly cause?: unknown;
}

/**
 * An error that was foreseen: its message says what was being done and to what, in lower case, from the outside in
 * (`pull alpine:3.20: read blob sha256:…: connection reset`).
 *
 * Anything thrown that is not a Fault is a mistake in the program.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly hint: string | undefined;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** True if `error` is a Fault, with this code where one is given. */
  static is(error: unknown, code?: FaultCode): error is Fault {
    return error instanceof Fault && (code === undefined || error.code === code);
  }

  /**
   * The same failure as seen one step further out: `during` is put before the message; code and hint stay. An error
   * that is not a Fault becomes one: `cancelled` for an abort, `internal` otherwise.
   */
  static wrap(during: string, error: unknown): Fault {
    const inner = error instanceof Error ? error.message : String(error);
    const message = `${during}: ${inner}`;
    if (!Fault.is(error)) return new Fault(isAbort(error) ? 'cancelled' : 'internal', message, { cause: error });
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return new Fault(error.code, message, { cause: error, ...hint });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

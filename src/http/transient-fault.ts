import { Fault } from '../errors/index.ts';

/** A failure that may go away by itself: a connection that broke, a server that is busy. Asking again may help. */
export function transientFault(message: string, options: { readonly hint?: string | undefined } = {}): Fault {
  const cause = Object.assign(new Error('interrupted'), { code: 'ETIMEDOUT' });
  return new Fault('unavailable', message, { cause, ...(options.hint !== undefined && { hint: options.hint }) });
}

/** True for those, and for what the system calls one: not for a host that does not exist or that nobody trusts. */
export function isTransient(error: unknown): error is Fault {
  if (!Fault.is(error, 'unavailable')) return false;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (transientCodes.has((cause as NodeJS.ErrnoException).code ?? '')) return true;
  }
  return false;
}

const transientCodes: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EPIPE',
  'ETIMEDOUT',
  'HPE_INVALID_EOF_STATE',
]);

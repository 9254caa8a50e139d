import { Fault } from '../errors/index.ts';

/** What went wrong on the way to `url`, in words: `unavailable`, or `cancelled` where the caller wanted it. */
export function networkFault(error: unknown, url: URL, signal: AbortSignal | undefined): Fault {
  if (Fault.is(error)) return error;
  const { message, code = '' } = error as NodeJS.ErrnoException;
  if (signal?.aborted === true) return new Fault('cancelled', 'cancelled', { cause: error });
  const hint = networkHints.get(code) ?? (tlsFailure.test(code) ? tlsHint : undefined);
  const text =
    plainWords.get(code) ?? (code.startsWith('HPE_') ? notHttp : undefined) ?? (message.split(/[;\n]/, 1)[0] || code);
  return new Fault('unavailable', `${url.host}: ${text}`, { cause: error, ...(hint && { hint }) });
}

/** For where Node's own message is jargon. */
const plainWords: ReadonlyMap<string, string> = new Map([
  ['ECONNRESET', 'the connection was cut'],
  ['EPROTO', 'it does not speak TLS'],
  ['HPE_HEADER_OVERFLOW', 'it sends more headers than are read of an answer'],
  ['HPE_INVALID_EOF_STATE', 'the connection was cut'],
]);

/** Node's HTTP parser has a code for each way to break the protocol. */
const notHttp = 'what it sends is no HTTP';

const networkHints: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there: see that the server runs and that its port is right'],
  ['ENOTFOUND', 'there is no such host: see that its name is right and that the network is up'],
  ['EAI_AGAIN', 'names cannot be looked up: see that the network is up'],
  ['EPROTO', 'it may speak plain HTTP only'],
  ['HPE_INVALID_CONSTANT', 'see that its port is right, and that it does not want TLS'],
]);

const tlsFailure = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID_PROTOCOL)/;
/** True where the connection was cut before anything was said over it, or what was said is no HTTP. */
export function isCut(error: unknown): error is Fault {
  return codesOf(error).some((code) => code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('HPE_'));
}

/** True where nothing listens. */
export function isRefused(error: unknown): error is Fault {
  return codesOf(error).includes('ECONNREFUSED');
}

/** True where the other side's certificate is not trusted. */
export function isUntrusted(error: unknown): error is Fault {
  return codesOf(error).some((code) => tlsFailure.test(code));
}

/** True where the other side does not speak TLS. */
export function isNoTls(error: unknown): error is Fault {
  return codesOf(error).includes('EPROTO');
}

/** What the system called the failures under a Fault. */
function codesOf(error: unknown): readonly string[] {
  if (!Fault.is(error, 'unavailable')) return [];
  const codes: string[] = [];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (!Fault.is(cause)) codes.push((cause as NodeJS.ErrnoException).code ?? '');
  }
  return codes;
}

const tlsHint = "the server's certificate is not trusted: set NODE_EXTRA_CA_CERTS to the file of its authority";

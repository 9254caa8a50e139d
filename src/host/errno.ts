import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { Fault } from '../errors/index.ts';
import type { FaultCode } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';

/** What stands behind a Fault of this module as its cause: the kernel's own word. */
export class ErrnoError extends Error {
  override readonly name = 'ErrnoError';
  /** The symbolic name (`ENOENT`), or `E` and the number where it has none here. */
  readonly errno: string;

  constructor(errno: string, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** The kernel's name for what went wrong (`ENOENT`) in a Fault of this module, however often wrapped, or in an error of Node's. */
export function errnoOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof ErrnoError) return each.errno;
    if ('syscall' in each && 'code' in each && typeof each.code === 'string') return each.code;
  }
  return undefined;
}

/**
 * The Fault for a kernel call that failed with `errno`. `subject` is the path or thing it was about, as bytes; `detail`
 * is what the kernel said beyond the number.
 */
export function errnoFault(errno: number, call: string, subject: ByteString, detail = ''): Fault {
  const name = errnoName(errno);
  const text = getSystemErrorMap().get(-errno)?.[1] ?? ownTexts[name] ?? 'failed';
  const message = `${call} ${showBytes(subject)}: ${text} (${name})${detail === '' ? '' : `: ${detail}`}`;
  return new Fault(codeOf(name), message, { cause: new ErrnoError(name, message) });
}

/** Runs `body`, which calls Node's own file functions; what they throw comes out as the Fault of that errno. */
export function faulting<T>(call: string, subject: ByteString, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw nodeFault(call, subject, error);
  }
}

/** The Fault for an error that Node's file, socket or process functions gave; a Fault stays what it is. */
export function nodeFault(call: string, subject: ByteString, error: unknown): Fault {
  if (Fault.is(error)) return error;
  const name = errnoOf(error);
  const number = error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? -error.errno : 0;
  if (name === undefined || number === 0) return Fault.wrap(`${call} ${showBytes(subject)}`, error);
  return errnoFault(number, call, subject);
}

function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

function codeOf(name: string): FaultCode {
  return codes.get(name) ?? 'internal';
}

const ownTexts: Readonly<Record<string, string>> = {
  ENOTBLK: 'block device required',
  EUCLEAN: 'structure needs cleaning',
  EDQUOT: 'disk quota exceeded',
  ESTALE: 'stale file handle',
  EBADMSG: 'bad message',
};

const names = new Map<number, string>([
  ...[...getSystemErrorMap()].map(([number, [name]]) => [-number, name] as const),
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [11, 'EAGAIN'],
  [15, 'ENOTBLK'],
  [95, 'EOPNOTSUPP'],
  [117, 'EUCLEAN'],
]);

const byCode: ReadonlyArray<readonly [FaultCode, string]> = [
  ['not-found', 'ENOENT ESRCH ENODATA ENXIO'],
  ['already-exists', 'EEXIST'],
  ['denied', 'EACCES EPERM EROFS'],
  ['exhausted', 'ENOSPC EDQUOT EMFILE ENFILE ENOMEM EMLINK EFBIG E2BIG ENOBUFS'],
  ['conflict', 'EBUSY ENOTEMPTY ETXTBSY'],
  ['invalid', 'ENOTDIR EISDIR ELOOP ENAMETOOLONG EILSEQ EBADF'],
  ['unsupported', 'EINVAL ENOSYS ENODEV ENOTBLK EOPNOTSUPP EXDEV'],
  ['corrupt', 'EIO EUCLEAN EBADMSG ESTALE'],
  ['unavailable', 'EAGAIN ETIMEDOUT ECONNREFUSED ECONNRESET ENOTCONN EPIPE EINTR'],
];

const codes = new Map(byCode.flatMap(([code, list]) => list.split(' ').map((name) => [name, code] as const)));

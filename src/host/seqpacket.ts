import { dirname, basename } from 'node:path';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { errnoFault } from './errno.ts';
import { atFdcwd, cString, check, closeFd, libc } from './libc.ts';
import { openFlag } from './open-flags.ts';

/**
 * A connected SEQPACKET socket of the unix domain, which keeps the bounds of messages (Node's sockets refuse the type).
 * While a read waits, it takes one thread of Node's pool: have few of these open.
 */
export class SeqpacketSocket implements AsyncDisposable {
  readonly #fd: number;
  readonly #path: string;
  #closed = false;
  #waiting: Promise<void> = Promise.resolve();

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /**
   * The next message, of at most 64 KiB (more is cut off by the kernel), or undefined when the other side has closed or `close` was called.
   * One read at a time.
   */
  async read(): Promise<Uint8Array | undefined> {
    while (!this.#closed) {
      const length = libc().recv(this.#fd, receiveBuffer, receiveBuffer.length, 0);
      if (length > 0) return Uint8Array.prototype.slice.call(receiveBuffer, 0, length);
      if (length === 0) return undefined;
      const errno = libc().errno();
      if (errno === econnreset) return undefined;
      if (errno !== eagain) throw this.#fault('read from', errno);
      await this.#ready(pollIn);
    }
    return undefined;
  }

  /** Sends one message; waits while the other side does not take it. EPIPE, as `unavailable`, when it has closed. */
  async write(message: Uint8Array): Promise<void> {
    while (!this.#closed) {
      if (libc().send(this.#fd, message, message.length, msgNosignal) >= 0) return;
      const errno = libc().errno();
      if (errno !== eagain) throw this.#fault('write to', errno);
      await this.#ready(pollOut);
    }
    throw new Fault('unavailable', `write to ${this.#path}: the socket is closed`);
  }

  /** Ends a waiting read with undefined, then closes. Further calls do nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    libc().shutdown(this.#fd, shutdownBoth);
    await this.#waiting;
    closeFd(this.#fd);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Settles when the socket can be read or written or has ended. The descriptor is not closed before that. */
  #ready(events: number): Promise<void> {
    const before = this.#waiting;
    const polled = pollOne(this.#fd, events);
    this.#waiting = Promise.all([before, polled]).then(() => undefined);
    return polled;
  }

  #fault(during: string, errno: number): Fault {
    return errnoFault(errno, during, bytesOf(this.#path));
  }
}

/** Connects to the socket at `path`, which may be longer than the 107 bytes that an address holds. */
export function connectSeqpacket(path: string): SeqpacketSocket {
  const subject = bytesOf(path);
  const directory = check(
    libc().openat(atFdcwd, cString(bytesOf(dirname(path))), openFlag.path | openFlag.directory | openFlag.cloexec, 0),
    'open directory of',
    subject,
  );
  try {
    return connectTo(bytesOf(`/proc/self/fd/${directory}/${basename(path)}`), path);
  } finally {
    closeFd(directory);
  }
}

const receiveBuffer = Buffer.alloc(64 * 1024);
const afUnix = 1;
const sockSeqpacket = 5;
const nonblocking = 0o4000;
const closeOnExec = 0o2000000;
const msgNosignal = 0x4000;
const shutdownBoth = 2;
const pollIn = 1;
const pollOut = 4;
const eagain = 11;
const econnreset = 104;
const maxAddressBytes = 107;

function connectTo(address: ByteString, path: string): SeqpacketSocket {
  if (address.length > maxAddressBytes) throw errnoFault(36, 'connect to', bytesOf(path));
  const fd = check(
    libc().socket(afUnix, sockSeqpacket | nonblocking | closeOnExec, 0),
    'make a socket for',
    bytesOf(path),
  );
  const structure = Buffer.alloc(2 + maxAddressBytes + 1);
  structure.writeUInt16LE(afUnix, 0);
  structure.write(address, 2, 'latin1');
  if (libc().connect(fd, structure, structure.length) === 0) return new SeqpacketSocket(fd, path);
  const fault = errnoFault(libc().errno(), 'connect to', bytesOf(path));
  closeFd(fd);
  throw fault;
}

/** struct pollfd: descriptor, wanted events, given events. What went wrong shows at the next call on the socket. */
function pollOne(fd: number, events: number): Promise<void> {
  const structure = Buffer.alloc(8);
  structure.writeInt32LE(fd, 0);
  structure.writeInt16LE(events, 4);
  return new Promise((resolve, reject) => {
    libc().poll.async(structure, 1, -1, (error) => (error ? reject(error) : resolve()));
  });
}

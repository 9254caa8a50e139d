import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { connectSeqpacket } from '../host/index.ts';
import type { SeqpacketSocket } from '../host/index.ts';
import type { AttachedOutput, Attachment } from './monitor.ts';

/** Connects to conmon's attach socket: each message out is one byte for the stream and then what was written. */
export function attachToConmon(bundle: string): Attachment {
  return new ConmonAttachment(connectSeqpacket(join(bundle, 'attach')));
}

class ConmonAttachment implements Attachment {
  readonly #socket: SeqpacketSocket;

  constructor(socket: SeqpacketSocket) {
    this.#socket = socket;
  }

  async read(): Promise<AttachedOutput | undefined> {
    const message = await this.#socket.read();
    if (message === undefined) return undefined;
    if (message[0] === stdoutPipe) return { stream: 'stdout', bytes: message.subarray(1) };
    if (message[0] === stderrPipe) return { stream: 'stderr', bytes: message.subarray(1) };
    throw new Fault('internal', `read from the attached container: a message of unknown kind ${message[0]}`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += messageBytes) {
      await this.#socket.write(bytes.subarray(start, start + messageBytes));
    }
  }

  /** An empty message reads as the end of a file on the other side, and leaves this side's reading alone. */
  async endInput(): Promise<void> {
    await this.#socket.write(new Uint8Array());
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const stdoutPipe = 2;
const stderrPipe = 3;

/** conmon reads messages into a buffer of 8 KiB and would lose the rest of a longer one. */
const messageBytes = 8192;

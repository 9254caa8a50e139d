import type { ClientRequest } from 'node:http';
import { Fault } from '../errors/index.ts';
import { transientFault } from './transient-fault.ts';

/** What a request carries. It is opened anew where the request has to be sent again. */
export interface HttpBody {
  /** Undefined where nobody knows before it was sent: it goes in chunks (RFC 9112 section 7.1). */
  readonly sizeBytes: number | undefined;
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface SendBodyOptions {
  /** How long the other side may take nothing. */
  readonly stallMs: number;
  readonly host: string;
}

/**
 * Sends the body and ends the request, as fast as the other side takes it. Ends early where an answer comes first: whoever
 * does not want the body need not get it, and the connection is closed after that answer. Rejects where the body cannot be
 * read, or is not as long as it was said to be; a broken connection is reported by the request itself.
 */
export async function sendBody(outgoing: ClientRequest, body: HttpBody, options: SendBodyOptions): Promise<void> {
  const { sizeBytes } = body;
  let isAnswered = false;
  let sentBytes = 0;
  outgoing.once('response', () => {
    isAnswered = true;
    if (sizeBytes === undefined ? !outgoing.writableEnded : sentBytes < sizeBytes) outgoing.shouldKeepAlive = false;
  });
  for await (const chunk of body.open()) {
    if (outgoing.destroyed || isAnswered) return;
    if (sizeBytes !== undefined && sentBytes + chunk.length > sizeBytes) throw wrongLength(sizeBytes, options);
    await written(outgoing, chunk, options);
    sentBytes += chunk.length;
  }
  if (outgoing.destroyed || isAnswered) return;
  if (sizeBytes !== undefined && sentBytes < sizeBytes) throw wrongLength(sizeBytes, options);
  outgoing.end();
}

/** Settles when the chunk has left, for its memory is used again; also when the request is over, or is answered. */
function written(outgoing: ClientRequest, chunk: Uint8Array, { stallMs, host }: SendBodyOptions): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const event of ends) outgoing.off(event, done);
      resolve();
    };
    const timer = setTimeout(() => {
      outgoing.destroy(transientFault(`the transfer has stalled: ${host} took nothing in ${stallMs} ms`));
    }, stallMs);
    for (const event of ends) outgoing.on(event, done);
    outgoing.write(chunk, done);
  });
}

const ends = ['close', 'error', 'response'] as const;

function wrongLength(sizeBytes: number, { host }: SendBodyOptions): Fault {
  return new Fault('corrupt', `what is to be sent to ${host} is not ${sizeBytes} bytes long`);
}

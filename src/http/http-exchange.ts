import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Fault } from '../errors/index.ts';
import { transientFault } from './transient-fault.ts';
import type { ProxySettings } from './proxy-settings.ts';

/** How long the other side may take. */
export interface HttpTimeouts {
  /** Until the head of the answer is there, connecting included. */
  readonly answerMs: number;
  /** In each such span of waiting for a body, at least `minBytes` have to come. */
  readonly stallMs: number;
  readonly minBytes: number;
}

export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer whose body is still to be read: either to its end, or `discard` it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends when the connection is free or closed. */
  discard(): Promise<void>;
}

/** Sends one GET request and gives what comes back, whatever its status. */
export type HttpExchange = (request: HttpRequest, signal: AbortSignal | undefined) => Promise<HttpAnswer>;

export interface HttpConnections extends Disposable {
  readonly exchange: HttpExchange;
}

/**
 * Connections over Node's own client. It was preferred to `fetch`, which takes 25 ms longer to load and silently undoes
 * a `Content-Encoding`: the bytes that a digest names would not be the bytes that arrive.
 *
 * Redirects are not followed here. What the network does wrong is an `unavailable` Fault, a body that ends early too.
 */
export function openConnections(timeouts: HttpTimeouts, proxies: ProxySettings): HttpConnections {
  const clients = new Map<string, Promise<HttpClient>>();
  const clientFor = (protocol: string): Promise<HttpClient> => {
    const client = clients.get(protocol) ?? loadClient(protocol, proxies);
    clients.set(protocol, client);
    return client;
  };
  return {
    exchange: async (request, signal) => send(await clientFor(request.url.protocol), request, { timeouts, signal }),
    [Symbol.dispose]: () => {
      for (const client of clients.values()) void client.then(({ agent }) => agent.destroy());
      clients.clear();
    },
  };
}

interface HttpClient {
  readonly request: typeof import('node:http').request;
  readonly agent: Agent;
}

/** Loading the clients takes 25 ms, which commands that talk to nobody need not pay. */
async function loadClient(protocol: string, proxies: ProxySettings): Promise<HttpClient> {
  const { Agent, request } = protocol === 'https:' ? await import('node:https') : await import('node:http');
  return { request, agent: new Agent({ keepAlive: true, proxyEnv: { ...proxies } }) };
}

const maxDrainBytes = 64 * 1024;

interface SendOptions {
  readonly timeouts: HttpTimeouts;
  readonly signal: AbortSignal | undefined;
}

function send(client: HttpClient, request: HttpRequest, options: SendOptions): Promise<HttpAnswer> {
  const { timeouts, signal } = options;
  return new Promise((resolve, reject) => {
    const { url, headers } = request;
    const outgoing = client.request(url, { headers, agent: client.agent, ...(signal && { signal }) });
    const timer = setTimeout(() => {
      outgoing.destroy(transientFault(`no answer from ${url.host} within ${timeouts.answerMs} ms`));
    }, timeouts.answerMs);
    outgoing.once('response', (incoming) => {
      clearTimeout(timer);
      resolve(answerOf(incoming, url, options));
    });
    // Kept for the life of the request: an error after the answer is reported by the body as well.
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(networkFault(error, url, signal));
    });
    outgoing.end();
  });
}

function answerOf(incoming: IncomingMessage, url: URL, options: SendOptions): HttpAnswer {
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: readBody(incoming, url, options),
    discard: () => discard(incoming, options.timeouts),
  };
}

/** A short rest is read, so that the connection can be used again: a new one costs several times as much. */
function discard(incoming: IncomingMessage, timeouts: HttpTimeouts): Promise<void> {
  if (incoming.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let drainedBytes = 0;
    const timer = setTimeout(() => incoming.destroy(), timeouts.stallMs);
    incoming.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    incoming.on('data', (chunk: Uint8Array) => {
      drainedBytes += chunk.length;
      if (drainedBytes > maxDrainBytes) incoming.destroy();
    });
  });
}

/** Only time spent waiting counts towards a stall: a slow reader is not the sender's fault. */
async function* readBody(
  incoming: IncomingMessage,
  url: URL,
  { timeouts, signal }: SendOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let [waitedMs, receivedBytes] = [0, 0];
  const checkProgress = (): void => {
    if (receivedBytes < timeouts.minBytes) {
      const rate = `${receivedBytes} bytes from ${url.host} in ${timeouts.stallMs} ms`;
      incoming.destroy(transientFault(`the transfer has stalled: ${rate}`));
    }
    [waitedMs, receivedBytes] = [0, 0];
  };
  try {
    for (;;) {
      const startedMs = performance.now();
      const timer = setInterval(checkProgress, Math.max(1, timeouts.stallMs - waitedMs));
      const next = await chunks.next().finally(() => clearInterval(timer));
      if (next.done === true) return;
      waitedMs += performance.now() - startedMs;
      receivedBytes += next.value.length;
      if (waitedMs >= timeouts.stallMs) checkProgress();
      yield next.value;
    }
  } catch (error) {
    throw networkFault(error, url, signal);
  } finally {
    incoming.destroy();
  }
}

function networkFault(error: unknown, url: URL, signal: AbortSignal | undefined): Fault {
  if (Fault.is(error)) return error;
  const { message, code = '' } = error as NodeJS.ErrnoException;
  if (signal?.aborted === true) return new Fault('cancelled', 'cancelled', { cause: error });
  const hint = networkHints.get(code) ?? (tlsFailure.test(code) ? tlsHint : undefined);
  const text = plainWords.get(code) ?? (message.split(/[;\n]/, 1)[0] || code);
  return new Fault('unavailable', `${url.host}: ${text}`, { cause: error, ...(hint && { hint }) });
}

/** For where Node's own message is jargon. */
const plainWords: ReadonlyMap<string, string> = new Map([
  ['ECONNRESET', 'the connection was cut'],
  ['EPROTO', 'it does not speak TLS'],
]);

const networkHints: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there: see that the server runs and that its port is right'],
  ['ENOTFOUND', 'there is no such host: see that its name is right and that the network is up'],
  ['EAI_AGAIN', 'names cannot be looked up: see that the network is up'],
  ['EPROTO', 'it may speak plain HTTP only'],
]);

const tlsFailure = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID_PROTOCOL)/;
const tlsHint = "the server's certificate is not trusted: set NODE_EXTRA_CA_CERTS to the file of its authority";

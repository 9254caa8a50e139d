import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import { networkFault } from './network-fault.ts';
import { sendBody, type HttpBody } from './request-body.ts';
import { transientFault } from './transient-fault.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { TlsSettings } from './tls-settings.ts';

/** How long the other side may take. */
export interface HttpTimeouts {
  /** Until the head of the answer is there, connecting included. */
  readonly answerMs: number;
  /** Until there is a connection, names looked up and TLS agreed on. Default: as long as for the answer. */
  readonly connectMs?: number;
  /** In each such span of waiting for a body, at least `minBytes` have to come. */
  readonly stallMs: number;
  readonly minBytes: number;
}

export interface HttpRequest {
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
}

/** An answer whose body is still to be read: either to its end, or `discard` it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends when the connection is free or closed. */
  discard(): Promise<void>;
}

/**
 * Sends one request and gives what comes back, whatever its status. An answer may come before the body was sent: the
 * rest of it is then not sent.
 */
export type HttpExchange = (request: HttpRequest, signal: AbortSignal | undefined) => Promise<HttpAnswer>;

export interface HttpConnections extends Disposable {
  readonly exchange: HttpExchange;
}

export interface ConnectionOptions {
  readonly proxies: ProxySettings;
  /** For a host with its port, as URLs have them; undefined for what everybody gets. */
  readonly tlsFor?: (host: string) => TlsSettings | undefined;
}

/**
 * Connections over Node's own client. It was preferred to `fetch`, which takes 25 ms longer to load and silently undoes
 * a `Content-Encoding`: the bytes that a digest names would not be the bytes that arrive.
 *
 * Redirects are not followed here. What the network does wrong is an `unavailable` Fault, a body that ends early too.
 */
export function openConnections(
  timeouts: HttpTimeouts,
  { proxies, tlsFor = () => undefined }: ConnectionOptions,
): HttpConnections {
  const clients = new Map<string, HttpClient>();
  const clientFor = ({ protocol, host }: URL): HttpClient => {
    const tls = protocol === 'https:' ? tlsFor(host) : undefined;
    const key = tls === undefined ? protocol : `${protocol}//${host}`;
    const client = clients.get(key) ?? loadClient(protocol, proxies, tls);
    clients.set(key, client);
    return client;
  };
  return {
    exchange: async (request, signal) => send(clientFor(request.url), request, { timeouts, signal }),
    [Symbol.dispose]: () => {
      for (const { agent } of clients.values()) agent.destroy();
      clients.clear();
    },
  };
}

interface HttpClient {
  readonly request: typeof import('node:http').request;
  readonly agent: Agent;
}

/**
 * Loading the clients takes up to 25 ms, which commands that talk to nobody need not pay. `import('node:http')` would load `fetch`
 * and `WebSocket` too, which are among its names.
 */
function loadClient(protocol: string, proxies: ProxySettings, tls: TlsSettings | undefined): HttpClient {
  const shared = { keepAlive: true, proxyEnv: { ...proxies } };
  if (protocol === 'http:') {
    const { Agent: PlainAgent, request } = process.getBuiltinModule('node:http');
    return { request, agent: new PlainAgent(shared) };
  }
  const { Agent: TlsAgent, request } = process.getBuiltinModule('node:https');
  return { request, agent: new TlsAgent({ ...shared, ...(tls && secureOptions(tls)) }) };
}

/** Authorities of a host are trusted beside those that everybody trusts. */
function secureOptions({ authorities, identities, isVerified }: TlsSettings): SecureContextOptions {
  const { getCACertificates } = process.getBuiltinModule('node:tls');
  return {
    ...(authorities.length > 0 && { ca: [...getCACertificates('default'), ...authorities] }),
    ...(identities.length > 0 && {
      cert: identities.map(({ certificate }) => certificate),
      key: identities.map(({ key }) => key),
    }),
    ...(!isVerified && { rejectUnauthorized: false }),
  };
}

const maxDrainBytes = 64 * 1024;

interface SendOptions {
  readonly timeouts: HttpTimeouts;
  readonly signal: AbortSignal | undefined;
}

function send(client: HttpClient, request: HttpRequest, options: SendOptions): Promise<HttpAnswer> {
  const { timeouts, signal } = options;
  return new Promise((resolve, reject) => {
    const { url, headers, body, method = 'GET' } = request;
    const length = body?.sizeBytes === undefined ? {} : { 'content-length': String(body.sizeBytes) };
    const outgoing = client.request(url, {
      method,
      headers: { ...headers, ...length },
      agent: client.agent,
      ...(signal && { signal }),
    });
    if (timeouts.connectMs !== undefined) limitConnecting(outgoing, url, timeouts.connectMs);
    let timer: NodeJS.Timeout | undefined;
    outgoing.once('response', (incoming) => {
      clearTimeout(timer);
      resolve(answerOf(incoming, url, options));
    });
    // Kept for the life of the request: an error after the answer is reported by the body as well.
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(networkFault(error, url, signal));
    });
    const awaitAnswer = (): void => {
      timer = setTimeout(() => {
        outgoing.destroy(transientFault(`no answer from ${url.host} within ${timeouts.answerMs} ms`));
      }, timeouts.answerMs);
    };
    if (body === undefined) {
      outgoing.end();
      return awaitAnswer();
    }
    sendBody(outgoing, body, { stallMs: timeouts.stallMs, host: url.host }).then(awaitAnswer, (error: unknown) => {
      outgoing.destroy();
      reject(networkFault(error, url, signal));
    });
  });
}

function limitConnecting(outgoing: ClientRequest, url: URL, connectMs: number): void {
  const timer = setTimeout(() => {
    outgoing.destroy(transientFault(`no connection to ${url.host} within ${connectMs} ms`));
  }, connectMs);
  const done = (): void => clearTimeout(timer);
  outgoing.once('close', done).once('socket', (socket) => {
    // One that was used before, or leads through a proxy, is ready when it is given.
    if (!socket.connecting) return done();
    return void socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', done);
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

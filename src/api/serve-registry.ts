import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { Fault } from '../errors/index.ts';
import type { Registry } from '../engine/index.ts';
import {
  answerRequest,
  errorAnswer,
  faultAnswer,
  type RegistryAnswer,
  type RegistryRequest,
} from '../registry-server/index.ts';
import { isAuthenticated } from './authenticate.ts';
import { watchBody, type BodyPace } from './body-pace.ts';
import type { PasswordFile } from './password-file.ts';

export interface TlsFiles {
  /** PEM: the certificate and those that signed it. */
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

export interface ServeRegistryOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly readOnly: boolean;
  /** Who may use it; everybody where it is not given. */
  readonly passwords?: PasswordFile | undefined;
  /** Without it the server speaks plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** A line for each request, without what is secret in it. */
  readonly log: (line: string) => void;
  /** Default: a kilobyte a minute. */
  readonly pace?: BodyPace;
}

export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:5000`, `[::1]:5000`: with the port that it has. */
  readonly address: string;
}

/**
 * Serves a registry over HTTP/1.1 until it is disposed of; requests under way may then end for a few seconds. Slow,
 * large and many requests are bounded: headers have 16 KiB and 20 seconds, a connection that moves no byte for a minute
 * or a body of less than a kilobyte a minute is cut, 512 connections may be open. Fault `unavailable` where the address cannot be had, `invalid` for files of TLS that
 * are none.
 */
export async function serveRegistry(registry: Registry, options: ServeRegistryOptions): Promise<RegistryServer> {
  const server = await createServer(options.tls, (request, response) => {
    void handle(registry, { request, response, options });
  });
  server.maxConnections = 512;
  server.headersTimeout = 20_000;
  server.requestTimeout = 0;
  server.setTimeout(idleMs);
  await listening(server, options);
  return {
    address: addressOf(server),
    [Symbol.asyncDispose]: () => closed(server),
  };
}

async function createServer(tls: TlsFiles | undefined, listener: RequestListener): Promise<Server> {
  const limits = { maxHeaderSize: 16 * 1024, keepAliveTimeout: 30_000 };
  if (tls === undefined) return (await import('node:http')).createServer(limits, listener);
  const { createServer: createTlsServer } = await import('node:https');
  try {
    const { certificate, key } = tls;
    return createTlsServer(
      { ...limits, cert: Buffer.from(certificate), key: Buffer.from(key), minVersion: 'TLSv1.2' },
      listener,
    );
  } catch (error) {
    throw new Fault('invalid', `use the TLS certificate and key: ${(error as Error).message}`, { cause: error });
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: ServeRegistryOptions;
}

/** Never throws: what goes wrong is an answer, or the end of the connection where one was begun. */
async function handle(registry: Registry, { request, response, options }: Exchange): Promise<void> {
  const startedMs = performance.now();
  waitForWork(request);
  watchBody(request, options.pace ?? { periodMs: idleMs, minBytes: 1024 });
  const asked = `${request.socket.remoteAddress ?? '-'} ${request.method} ${request.url ?? ''}`;
  let note = '';
  try {
    const answer = await answerTo(registry, { request, response, options }).catch((error: unknown) =>
      faultAnswer(error),
    );
    note = answer.reason ?? '';
    await send(answer, response);
  } catch (error) {
    note = describe(error);
    response.destroy();
  }
  const ms = (performance.now() - startedMs).toFixed(0);
  const outcome = response.headersSent ? response.statusCode : 'cut';
  options.log(loggable(`${asked} ${outcome} ${ms}ms ${note}`));
}

/** Once a request has arrived, silence is ours: indexing and compressing large layers takes its time. */
function waitForWork(request: IncomingMessage): void {
  const forget = (): void => void request.socket.setTimeout(0);
  if (request.method === 'GET' || request.method === 'HEAD') forget();
  else request.once('end', forget);
}

async function answerTo(registry: Registry, { request, options }: Exchange): Promise<RegistryAnswer> {
  const { passwords, readOnly } = options;
  if (passwords !== undefined && !(await isAuthenticated(request, passwords))) {
    return errorAnswer('UNAUTHORIZED', 'authentication is required', {
      headers: { 'www-authenticate': 'Basic realm="varve", charset="UTF-8"' },
    });
  }
  return answerRequest(registry, protocolRequest(request), { readOnly });
}

function protocolRequest(request: IncomingMessage): RegistryRequest {
  const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
  return {
    method: request.method ?? '',
    path,
    query: new URLSearchParams(query),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: request,
  };
}

async function send({ status, headers, body }: RegistryAnswer, response: ServerResponse): Promise<void> {
  response.socket?.setTimeout(idleMs);
  // What was not read of a request that is refused would be taken for the next one.
  const ending: Readonly<Record<string, string>> = response.req.complete ? {} : { connection: 'close' };
  response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', ...ending, ...headers });
  if (body === undefined) response.end();
  else if (body instanceof Uint8Array) response.end(body);
  else await pipeline(body, response);
}

function listening(server: Server, { host, port }: ServeRegistryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Fault('unavailable', `listen on ${host}:${port}: ${error.message}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), graceMs);
  await done;
  clearTimeout(late);
}

const graceMs = 5000;
const idleMs = 60_000;

/** What a client sends into the log is printable, and of one line. */
function loggable(line: string): string {
  return line
    .slice(0, 600)
    .trimEnd()
    .replaceAll(/[^\x20-\x7e]/g, '?');
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return /^(ERR_STREAM_PREMATURE_CLOSE|ECONNRESET|EPIPE)$/.test(code) ? 'the client went away' : error.message;
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

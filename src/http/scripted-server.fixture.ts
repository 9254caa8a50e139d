import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server on loopback that answers as a test says. */
export interface ScriptedServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** What was asked, in order: `GET /v2/…`, with the headers. */
  readonly requests: readonly RecordedRequest[];
  /** How many connections were made. */
  connections(): number;
}

export interface RecordedRequest {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  /** What came with it, to be read once. */
  readonly body: IncomingMessage;
}

/** `count` is 1 for the first request with this line. Defects of the handler break the connection. */
export type Script = (request: RecordedRequest, response: ServerResponse, count: number) => void | Promise<void>;

export async function scriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: RecordedRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const request = { line: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body: incoming };
    requests.push(request);
    try {
      await script(request, response, requests.filter(({ line }) => line === request.line).length);
    } catch {
      response.destroy();
    }
  });
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function send(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, headers).end(body);
}

/** A refusal as registries word it. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, status, JSON.stringify({ errors: [{ code, message }] }), { 'content-type': 'application/json' });
}

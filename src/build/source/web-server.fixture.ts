import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WebServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
}

/** Serves on loopback what `content` gives for a path, with a time of 2015; what it does not give is not found. */
export async function webServer(content: (path: string) => Buffer | string | undefined): Promise<WebServer> {
  const server = createServer((request, response) => {
    const found = content(new URL(request.url ?? '/', 'http://localhost').pathname);
    response.writeHead(found === undefined ? 404 : 200, { 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' });
    response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

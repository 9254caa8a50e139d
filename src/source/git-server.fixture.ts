import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

/** Git repositories in a folder, served over HTTP on loopback by git's own CGI program. */
export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** `GET /app.git/info/refs?service=git-upload-pack`, in order. */
  readonly requests: readonly string[];
  /** The `Authorization` headers that came, undefined where there was none. */
  readonly authorizations: readonly (string | undefined)[];
}

export interface GitServerOptions {
  /** Says whether it answered by itself, instead of git. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export async function gitServer(folder: string, options: GitServerOptions = {}): Promise<GitServer> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers.authorization);
    if (options.intercept?.(request, response) !== true) backend(folder, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    authorizations,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** RFC 3875, as far as git needs it. */
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...cleanEnv,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const fields = head.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      fields.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    const status = Number(headers.get('Status')?.slice(0, 3) ?? 200);
    headers.delete('Status');
    response.writeHead(status, Object.fromEntries(headers));
    response.write(head.subarray(end + 4));
  });
  child.stdout.on('end', () => response.end());
}

const cleanEnv = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  LC_ALL: 'C',
};

/** Files by path; `undefined` removes one, `{ link }` is a symlink. */
export type RepositoryFiles = Readonly<Record<string, string | undefined | { readonly link: string }>>;

/** A repository that a test makes: a work tree whose `.git` is what a server serves. */
export class TestRepository {
  readonly path: string;
  #time = 1_600_000_000;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    this.git('init', '-q', '-b', 'main');
    this.git('config', 'http.receivepack', 'false');
  }

  git(...args: readonly string[]): string {
    const date = `${this.#time} +0000`;
    const env = { ...cleanEnv, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const allowed = ['-c', 'protocol.file.allow=always', ...args];
    return execFileSync('git', allowed, {
      cwd: this.path,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  /** Commits the files, a day after the last commit; gives the ID. */
  commit(files: RepositoryFiles, message = 'change'): string {
    this.#time += 86_400;
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      rmSync(path, { force: true, recursive: true });
      if (content === undefined) continue;
      mkdirSync(dirname(path), { recursive: true });
      if (typeof content === 'string') writeFileSync(path, content);
      else symlinkSync(content.link, path);
    }
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** When the last commit was made, in seconds since 1970. */
  get timeSec(): number {
    return this.#time;
  }
}

import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Debian's docker-registry on a free loopback port, with storage of its own: `await using`. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Copies with skopeo: `push('oci-archive:/x.tar', 'a/b:tag')`; with `all`, every image of an index. */
  push(source: string, name: string, options?: PushOptions): Promise<void>;
}

export interface PushOptions {
  readonly all?: boolean;
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
}

/** Why the fixture cannot be used here, or false. */
export const dockerRegistryMissing: string | false =
  existsSync('/usr/bin/docker-registry') && existsSync('/usr/bin/skopeo')
    ? false
    : 'docker-registry and skopeo are not installed (Debian packages of these names)';

const run = promisify(execFile);

export async function startDockerRegistry(): Promise<DockerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'varve-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(directory, 'config.yml');
  writeFileSync(config, configuration(host, join(directory, 'storage')));
  const server = spawn('/usr/bin/docker-registry', ['serve', config], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilAnswering(`http://${host}/v2/`, exited);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host,
    push: (source, name, options) => push(source, `${host}/${name}`, options),
    [Symbol.asyncDispose]: stop,
  };
}

function configuration(host: string, storage: string): string {
  return [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${storage} }, delete: { enabled: true } }`,
    `http: { addr: "${host}" }`,
    '',
  ].join('\n');
}

async function push(source: string, target: string, { all = false, docker = false }: PushOptions = {}): Promise<void> {
  const options = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'];
  if (all) options.push('--all');
  if (docker) options.push('--format', 'v2s2');
  await run('/usr/bin/skopeo', [...options, source, `docker://${target}`]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilAnswering(url: string, exited: Promise<void>): Promise<void> {
  const gone = exited.then(() => 'gone' as const);
  for (let tries = 0; tries < 600; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    if ((await Promise.race([pause(50), gone])) === 'gone') break;
  }
  throw new Error(`docker-registry does not answer at ${url}`);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

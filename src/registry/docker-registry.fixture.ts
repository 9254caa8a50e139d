import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
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

export interface DockerRegistryOptions {
  /** Only `registryUser` is let in. */
  readonly withAuth?: boolean;
  /** Files of the server's certificate and key, and of the authority that vouches for those who are let in. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority?: string };
  /** It believes the tokens that are signed with the key of this certificate, and says where they are to be had. */
  readonly tokens?: { readonly realm: string; readonly certificate: string };
  /** It asks this registry (an origin) for what it does not have, and cannot be pushed to. */
  readonly mirrorOf?: string;
}

/** Who is let in, and the line of an htpasswd file for that. */
export const registryUser = { username: 'varve', password: 'sediment' } as const;
const passwordLine = 'varve:$2b$04$zrk.ebgvHa7/CtpXhPAesOL1qQB0oYWHxBnmOaEL7Nr3ON/QxlG9G';

export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'varve-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(directory, 'config.yml');
  writeFileSync(join(directory, 'htpasswd'), `${passwordLine}\n`);
  writeFileSync(config, configuration(host, directory, options));
  const server = spawn('/usr/bin/docker-registry', ['serve', config], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(host, exited);
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

function configuration(host: string, directory: string, options: DockerRegistryOptions): string {
  const { withAuth = false, tls, mirrorOf, tokens } = options;
  const clients = tls?.clientAuthority === undefined ? '' : `, clientcas: [${tls.clientAuthority}]`;
  const secured = tls === undefined ? '' : `, tls: { certificate: ${tls.certificate}, key: ${tls.key}${clients} }`;
  return [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${join(directory, 'storage')} }, delete: { enabled: true } }`,
    `http: { addr: "${host}"${secured} }`,
    ...(withAuth ? [`auth: { htpasswd: { realm: test, path: ${join(directory, 'htpasswd')} } }`] : []),
    ...(tokens === undefined ? [] : [`auth: { token: ${tokenSettings(tokens)} }`]),
    ...(mirrorOf === undefined ? [] : [`proxy: { remoteurl: "${mirrorOf}" }`]),
    '',
  ].join('\n');
}

function tokenSettings({ realm, certificate }: NonNullable<DockerRegistryOptions['tokens']>): string {
  return `{ realm: "${realm}", service: ${tokenService}, issuer: ${tokenService}, rootcertbundle: ${certificate} }`;
}

/** What the registry and its token server call themselves. */
export const tokenService = 'test';

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

async function untilListening(host: string, exited: Promise<void>): Promise<void> {
  const gone = exited.then(() => 'gone' as const);
  for (let tries = 0; tries < 600; tries++) {
    if (await isListening(Number(host.split(':')[1]))) return;
    if ((await Promise.race([pause(50), gone])) === 'gone') break;
  }
  throw new Error(`docker-registry does not answer at ${host}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

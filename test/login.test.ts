/** Who one is to registries, and how they are reached: `login`, `logout`, certificates, mirrors, as a user runs them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { craftImage } from '../src/image/crafted-image.fixture.ts';
import { scriptedServer, send } from '../src/http/scripted-server.fixture.ts';
import {
  dockerRegistryMissing,
  registryUser,
  startDockerRegistry,
  type DockerRegistry,
} from '../src/registry/docker-registry.fixture.ts';
import { opensslMissing, testAuthority } from '../src/registry/test-authority.fixture.ts';
import { scriptedRegistry, watchedRegistry } from './image-registries.ts';
import { needsRoot, TestStore, type Ended, type RunOptions } from './test-store.ts';

const skip = needsRoot || dockerRegistryMissing || opensslMissing;
const { username, password } = registryUser;
const encoded = Buffer.from(`${username}:${password}`).toString('base64');

test('a registry with TLS and htpasswd: each command that asks it', { skip }, async (t) => {
  await using at = await closedRegistry();
  const { store, host, run, ok } = at;
  await store.busybox('app:1');
  const name = `${host}/team/app:1`;
  const context = store.context('from', { Dockerfile: `FROM ${name}\nCOPY file /file\n`, file: 'x' });
  await ok(['tag', 'app:1', name]);
  const commands: readonly (readonly string[])[] = [
    ['push', '-q', name],
    ['pull', '-q', name],
    ['tags', `${host}/team/app`],
    ['manifest', 'inspect', name],
    ['create', '--name', 'made', '--pull=always', name],
    ['build', '-q', '--pull', context],
    ['build', '-q', '--cache-to', `type=registry,ref=${host}/team/cache`, context],
    ['copy', `docker://${name}`, `oci:${store.folder}/layout:1`],
    ['copy', 'app:1', `docker://${host}/team/copied:1`],
  ];
  await t.test('without its certificate nothing is asked, and the hint says what to do', async () => {
    for (const command of [...commands, ['login', '-u', username, '-p', password, host]]) {
      const refused = await run(command);
      assert.notEqual(refused.code, 0, command.join(' '));
      assert.match(refused.stderr, /certificate/, command.join(' '));
    }
    assert.equal(existsSync(at.configFile), false);
  });

  await t.test('a wrong password is refused, and nothing is kept', async () => {
    const refused = await run(['login', '--tls-verify=false', '-u', username, '--password-stdin', host], {
      stdin: 'wrong\n',
    });
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /unauthorized: incorrect username or password/);
    assert.equal(existsSync(at.configFile), false);
  });

  await t.test('without a login the registry refuses, and says so', async () => {
    const refused = await run(lax(['pull', name]));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /wants a user name and a password[^]*log in to/);
  });

  await t.test('with a login and its certificate waived each works', async () => {
    await ok(['login', '--tls-verify=false', '-u', username, '--password-stdin', host], { stdin: `${password}\n` });
    for (const command of commands) await ok(lax(command));
    await ok(['rm', 'made']);
  });

  await t.test('with its authority in certs.d nothing is waived', async () => {
    at.trust();
    for (const command of commands.slice(0, 4)) await ok(command);
    await ok(['login', '-u', username, '-p', password, host]);
  });

  await t.test('after logout it refuses again', async () => {
    assert.equal((await ok(['logout', host])).stdout, `Removing login credentials for ${host}\n`);
    assert.equal((await ok(['logout', host])).stdout, `Not logged in to ${host}\n`);
    assert.equal((await run(['pull', name])).code, 1);
  });
});

test('where credentials are kept, and where they are found', { skip }, async (t) => {
  await using at = await closedRegistry();
  const { store, host, run, ok } = at;
  at.trust();
  const tags = ['tags', `${host}/team/app`];
  await store.busybox('app:1');
  const loggedIn = async (options?: RunOptions): Promise<boolean> => {
    const ended = await run(tags, options);
    if (ended.code !== 0) assert.match(ended.stderr, /wants a user name and a password/);
    return ended.code === 0;
  };
  const login = (options?: RunOptions): Promise<Ended> =>
    ok(['login', '-u', username, '--password-stdin', host], { stdin: password, ...options });
  await login();
  await ok(['tag', 'app:1', `${host}/team/app:1`]);
  await ok(['push', '-q', `${host}/team/app:1`]);

  await t.test("in Docker's file, for its owner alone, with all else in it as it was", async () => {
    writeFileSync(at.configFile, JSON.stringify({ psFormat: 'x', auths: { 'other.test': { auth: 'eA==' } } }));
    const { stderr } = await login();
    assert.ok(stderr.includes(at.configFile));
    assert.equal(statSync(at.configFile).mode & 0o777, 0o600);
    const { psFormat, auths } = JSON.parse(readFileSync(at.configFile, 'utf8')) as Config;
    assert.deepEqual([psFormat, auths], ['x', { 'other.test': { auth: 'eA==' }, [host]: { auth: encoded } }]);
    assert.equal(await loggedIn(), true);
    await ok(['logout', host]);
    assert.equal(await loggedIn(), false);
  });

  for (const [setting, what] of [
    [{ credsStore: 'varve-test' }, 'credsStore'],
    [{ credHelpers: { [host]: 'varve-test' } }, 'credHelpers'],
  ] as const) {
    await t.test(`with the program that ${what} names, and not in the file`, async () => {
      const kept = join(store.folder, 'kept');
      writeHelper(store, kept);
      writeFileSync(at.configFile, JSON.stringify(setting));
      const { stderr } = await login();
      assert.doesNotMatch(stderr, /unencrypted/);
      assert.deepEqual(JSON.parse(readFileSync(kept, 'utf8')), {
        ServerURL: host,
        Username: username,
        Secret: password,
      });
      const written = readFileSync(at.configFile, 'utf8');
      assert.ok(!written.includes(encoded) && !written.includes(password));
      assert.equal(await loggedIn(), true);
      await ok(['logout', host]);
      assert.equal(existsSync(kept), false);
      assert.equal(await loggedIn(), false);
    });
  }

  await t.test("in Podman's files, for the registry or a part of it", async () => {
    writeFileSync(at.configFile, '{}');
    const [runtime, own] = [join(store.folder, 'runtime'), join(store.folder, 'own.json')];
    writeAuth(join(runtime, 'containers/auth.json'), host);
    assert.equal(await loggedIn({ env: { XDG_RUNTIME_DIR: runtime } }), true);
    writeAuth(own, `${host}/team`);
    assert.equal(await loggedIn({ env: { REGISTRY_AUTH_FILE: own } }), true);
    writeAuth(own, `${host}/other`);
    assert.equal(await loggedIn({ env: { REGISTRY_AUTH_FILE: own } }), false);
  });
});

test('a registry that wants a certificate of its clients is shown the one in certs.d', { skip }, async () => {
  await using at = await closedRegistry({ clientCertificates: true });
  at.trust();
  const refused = await at.run(['tags', `${at.host}/app`]);
  assert.equal(refused.code, 1);
  assert.doesNotMatch(refused.stderr, /internal|\.ts:/);
  at.showCertificate();
  await at.store.busybox('app:1');
  await at.ok(['login', '-u', username, '--password-stdin', at.host], { stdin: password });
  await at.ok(['tag', 'app:1', `${at.host}/app:1`]);
  await at.ok(['push', '-q', `${at.host}/app:1`]);
  assert.equal((await at.ok(['tags', `${at.host}/app`])).stdout, '1\n');
});

test('mirrors: asked first; what they lack, or give wrong, comes from the registry', { skip }, async (t) => {
  await using store = new TestStore();
  await using origin = await watchedRegistry();
  const image = craftImage([{ files: { a: 'a' } }, { files: { b: 'b' }, packing: 'none' }]);
  await origin.upload(image, 'team/app:1');
  const pullThrough = async (mirror: string): Promise<void> => {
    const settings = join(store.folder, 'registries.json');
    writeFileSync(settings, JSON.stringify({ registries: { [origin.host]: { mirrors: [mirror] } } }));
    await using other = new TestStore();
    await other.ok(['pull', '-q', `${origin.host}/team/app:1`], { env: { VARVE_REGISTRIES: settings } });
    const id = await other.ok(['inspect', '--format', '{{.Id}}', `${origin.host}/team/app:1`]);
    assert.equal(id.stdout.trim(), image.imageId);
  };

  await t.test('a pull-through mirror gives all of it', async () => {
    await using mirror = await startDockerRegistry({ mirrorOf: `http://${origin.registry.host}` });
    origin.takeBlobRequests();
    await pullThrough(mirror.host);
    assert.deepEqual(origin.takeBlobRequests(), []);
  });

  await t.test('a mirror that is down, lacks it, or refuses', async () => {
    await using empty = await scriptedServer((_, response) => send(response, 404));
    await using refusing = await scriptedServer((_, response) => send(response, 403));
    for (const mirror of ['127.0.0.1:1', empty.host, refusing.host]) await pullThrough(mirror);
  });

  await t.test('a mirror whose blobs are rotten, cut short or too long', async () => {
    for (const spoil of [
      (bytes: Buffer) => Buffer.from(bytes.map((byte) => byte ^ 1)),
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -9), Buffer.alloc(9)]),
      (bytes: Buffer) => bytes.subarray(0, bytes.length / 2),
      (bytes: Buffer) => Buffer.concat([bytes, bytes]),
    ]) {
      await using mirror = await scriptedRegistry(image, ({ kind, bytes }, response) => {
        if (kind !== 'blob' || bytes === undefined) return false;
        send(response, 200, spoil(bytes));
        return true;
      });
      await pullThrough(mirror.host);
    }
  });
});

/** The command, with no certificate asked for. */
function lax([verb = '', ...rest]: readonly string[]): readonly string[] {
  if (verb === 'manifest') return ['manifest', 'inspect', '--tls-verify=false', ...rest.slice(1)];
  if (verb !== 'copy') return [verb, '--tls-verify=false', ...rest];
  const end = rest[0]?.startsWith('docker:') === true ? 'src' : 'dest';
  return [verb, `--${end}-tls-verify=false`, ...rest];
}

function writeAuth(path: string, name: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, JSON.stringify({ auths: { [name]: { auth: encoded } } }));
}

interface Config {
  readonly psFormat?: string;
  readonly auths?: unknown;
}

interface ClosedRegistry extends AsyncDisposable {
  readonly store: TestStore;
  /** By a name that is not taken for this machine. */
  readonly host: string;
  readonly configFile: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  ok(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Puts its authority into `certs.d`. */
  trust(): void;
  /** And what this side shows of itself. */
  showCertificate(): void;
}

/** With TLS of an authority of the test's own, and one user. */
async function closedRegistry({ clientCertificates = false } = {}): Promise<ClosedRegistry> {
  const store = new TestStore();
  const { folder } = store;
  const { certificate, server } = testAuthority(folder);
  const clientAuthority = clientCertificates ? { clientAuthority: join(folder, 'ca.pem') } : {};
  let registry: DockerRegistry;
  try {
    registry = await startDockerRegistry({ tls: { ...server, ...clientAuthority }, withAuth: true });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  const host = registry.host.replace('127.0.0.1', '0.0.0.0');
  const certificates = join(folder, 'certs.d', host);
  const settings = join(folder, 'registries.json');
  writeFileSync(settings, JSON.stringify({ certificates: [join(folder, 'certs.d')] }));
  const env = {
    DOCKER_CONFIG: join(folder, 'docker'),
    VARVE_REGISTRIES: settings,
    XDG_RUNTIME_DIR: join(folder, 'none'),
    XDG_CONFIG_HOME: join(folder, 'none'),
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
  };
  const withEnv = (options: RunOptions = {}): RunOptions => ({ ...options, env: { ...env, ...options.env } });
  return {
    store,
    host,
    configFile: join(folder, 'docker/config.json'),
    run: (args, options) => store.run(args, withEnv(options)),
    ok: (args, options) => store.ok(args, withEnv(options)),
    trust: () => {
      mkdirSync(certificates, { recursive: true });
      writeFileSync(join(certificates, 'ca.crt'), certificate);
    },
    showCertificate: () => {
      writeFileSync(join(certificates, 'client.cert'), readFileSync(server.certificate));
      writeFileSync(join(certificates, 'client.key'), readFileSync(server.key));
    },
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A helper program that keeps what it is given in one file. */
function writeHelper({ folder }: TestStore, kept: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const program = [
    '#!/bin/sh',
    'case "$1" in',
    `store) cat > ${kept} ;;`,
    `get) cat ${kept} 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;`,
    `erase) rm ${kept} ;;`,
    'esac',
  ];
  writeFileSync(join(folder, 'bin/docker-credential-varve-test'), program.join('\n'), { mode: 0o755 });
}

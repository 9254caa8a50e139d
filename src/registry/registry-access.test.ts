import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { digestOf, encodeManifest, mediaTypes, parseReference } from '../oci/index.ts';
import { dockerRegistryMissing, registryUser, startDockerRegistry } from './docker-registry.fixture.ts';
import { openRegistryAccess, type RegistryAccess } from './registry-access.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import { opensslMissing, testAuthority } from './test-authority.fixture.ts';

const skip = dockerRegistryMissing || opensslMissing;
const config = Buffer.from('{}');
const configBlob = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length };
const manifest = encodeManifest({ kind: 'image', mediaType: mediaTypes.ociManifest, config: configBlob, layers: [] });

test(
  'a registry with TLS of its own authority and htpasswd takes what its certs.d and config.json say',
  { skip },
  async () => {
    using home = temporaryDirectory('/tmp');
    const { certificate, server } = testAuthority(home.path);
    await using registry = await startDockerRegistry({ tls: server, withAuth: true });
    const access = accessIn(home.path);
    mkdirSync(join(home.path, 'certs.d', registry.host), { recursive: true });
    writeFileSync(join(home.path, 'certs.d', registry.host, 'ca.crt'), certificate);
    using client = clientOf(access);
    const reference = parseReference(`${registry.host}/a/b:x`);
    await assert.rejects(push(client, reference), (error) => Fault.is(error, 'unauthenticated'));
    const kept = await access.credentials.save(registry.host, registryUser);
    assert.deepEqual(kept, { kind: 'file', path: join(home.path, '.docker/config.json') });
    await push(client, reference);
    assert.equal((await client.repository(reference).manifest('x', {})).digest, digestOf(manifest));
    using stranger = clientOf(access, { credentials: async () => ({ username: 'varve', password: 'wrong' }) });
    await assert.rejects(stranger.checkLogin(registry.host, {}), (error) => Fault.is(error, 'unauthenticated'));
    await client.checkLogin(registry.host, {});
  },
);

test('a certificate that nobody vouches for is refused, unless the host is insecure', { skip }, async () => {
  using home = temporaryDirectory('/tmp');
  const { certificate, server } = testAuthority(home.path);
  await using registry = await startDockerRegistry({ tls: server });
  const port = registry.host.split(':')[1];
  const name = parseReference(`127.0.0.1:${port}/a:x`);
  // Loopback needs no declaration: that it wants TLS shows in its answer.
  using lax = clientOf(accessIn(home.path));
  await push(lax, name);
  // Somebody else's authority is in the folder.
  mkdirSync(join(home.path, 'certs.d', registry.host), { recursive: true });
  writeFileSync(join(home.path, 'certs.d', registry.host, 'ca.crt'), testAuthority(home.path).certificate);
  using strict = clientOf(accessIn(home.path));
  await assert.rejects(strict.repository(name).manifest('x', {}), (error) => Fault.is(error, 'unavailable'));
  assert.ok(certificate);
});

test('a mirror is asked first, and what it lacks the registry gives', { skip }, async () => {
  using home = temporaryDirectory('/tmp');
  await using origin = await startDockerRegistry();
  const reference = parseReference(`${origin.host}/a/b:x`);
  using direct = clientOf(accessIn(home.path));
  await push(direct, reference);
  const mirror = await startDockerRegistry({ mirrorOf: `http://${origin.host}` });
  try {
    writeFileSync(
      join(home.path, 'registries.json'),
      JSON.stringify({ registries: { [origin.host]: { mirrors: ['127.0.0.1:1', mirror.host] } } }),
    );
    using mirrored = clientOf(accessIn(home.path), { sleep: async () => undefined });
    const remote = mirrored.repository(reference);
    assert.equal(remote.name, `${origin.host}/a/b`);
    assert.equal((await remote.manifest('x', {})).digest, digestOf(manifest));
    assert.deepEqual(await Array.fromAsync(remote.blob(configBlob, {})), [config]);
  } finally {
    await mirror[Symbol.asyncDispose]();
  }
  using left = clientOf(accessIn(home.path), { sleep: async () => undefined });
  assert.equal((await left.repository(reference).manifest('x', {})).digest, digestOf(manifest));
});

test('client certificates come in pairs, and settings that are misspelt are refused', () => {
  using home = temporaryDirectory('/tmp');
  const folder = join(home.path, 'certs.d', 'host.test');
  mkdirSync(folder, { recursive: true });
  for (const name of ['ca.crt', 'client.cert', 'client.key', 'README']) writeFileSync(join(folder, name), `of ${name}`);
  assert.deepEqual(accessIn(home.path).certificates('host.test'), {
    authorities: ['of ca.crt'],
    identities: [{ certificate: 'of client.cert', key: 'of client.key' }],
  });
  assert.equal(accessIn(home.path).certificates('other.test'), undefined);
  assert.equal(accessIn(home.path).certificates('../certs.d/host.test'), undefined);
  writeFileSync(join(folder, 'more.cert'), '');
  assert.throws(() => accessIn(home.path).certificates('host.test'), /more\.key is missing/);
  for (const wrong of [
    '{"registry":{}}',
    '{"registries":{"a":{"insecur":true}}}',
    '{"registries":{"a":{"mirrors":["http://b"]}}}',
    '{"timeoutSeconds":0}',
    '{"timeoutSeconds":86400}',
    '{"timeoutSeconds":"30"}',
  ]) {
    writeFileSync(join(home.path, 'registries.json'), wrong);
    assert.throws(
      () => accessIn(home.path).settings(),
      (error) => Fault.is(error, 'invalid'),
      wrong,
    );
  }
  writeFileSync(join(home.path, 'registries.json'), '{"timeoutSeconds":2}');
  assert.equal(accessIn(home.path).settings().silenceMs, 2000);
});

test("Docker's and Podman's files are read as they are", async () => {
  using home = temporaryDirectory('/tmp');
  const auth = Buffer.from('me:pass:word').toString('base64');
  write(home.path, '.docker/config.json', {
    auths: {
      'https://index.docker.io/v1/': { auth },
      'https://old.test/v1/': { username: 'old', password: 'form' },
      'token.test': { identitytoken: 'refresh' },
      'empty.test': {},
    },
  });
  write(home.path, 'containers/auth.json', { auths: { 'host.test/team': { auth }, 'empty.test': { auth } } });
  const { credentials } = accessIn(home.path);
  const basic = { username: 'me', password: 'pass:word' };
  assert.deepEqual(await credentials.find('docker.io', 'library/alpine'), basic);
  assert.deepEqual(await credentials.find('old.test', 'a'), { username: 'old', password: 'form' });
  assert.deepEqual(await credentials.find('token.test', 'a'), { identityToken: 'refresh' });
  assert.deepEqual(await credentials.find('empty.test', 'a'), basic);
  assert.deepEqual(await credentials.find('host.test', 'team/app'), basic);
  assert.equal(await credentials.find('host.test', 'teams/app'), undefined);
  assert.equal(await credentials.find('host.test:5000', 'team/app'), undefined);
  assert.equal(await credentials.find('sub.old.test', 'a'), undefined);
});

test('a file that is no JSON is named, and nothing of it is shown', async () => {
  using home = temporaryDirectory('/tmp');
  mkdirSync(join(home.path, '.docker'));
  writeFileSync(join(home.path, '.docker/config.json'), '{"auths":{"a":{"auth":"geheim}');
  const { credentials } = accessIn(home.path);
  await assert.rejects(credentials.find('a.test', ''), (error) => {
    assert.match(String(error), /config\.json: it is not a JSON object/);
    return !/geheim/.test(String(error));
  });
});

test('login and logout change their own entry alone; the file is for its owner', async () => {
  using home = temporaryDirectory('/tmp');
  write(home.path, '.docker/config.json', {
    auths: { 'other.test': { auth: 'x' } },
    psFormat: 'table',
    HttpHeaders: { a: 'b' },
  });
  chmodSync(join(home.path, '.docker/config.json'), 0o644);
  const { credentials } = accessIn(home.path);
  await credentials.save('host.test:5000', { username: 'a', password: 'b' });
  const file = join(home.path, '.docker/config.json');
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  assert.deepEqual(saved, {
    auths: { 'other.test': { auth: 'x' }, 'host.test:5000': { auth: 'YTpi' } },
    psFormat: 'table',
    HttpHeaders: { a: 'b' },
  });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(await credentials.remove('host.test:5000'), true);
  assert.equal(await credentials.remove('host.test:5000'), false);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { ...saved, auths: { 'other.test': { auth: 'x' } } });
});

test('a helper program has the credentials where the file says so', async () => {
  using home = temporaryDirectory('/tmp');
  const log = join(home.path, 'log');
  mkdirSync(join(home.path, 'bin'));
  const program = [
    '#!/bin/sh',
    `input=$(cat); echo "$1 $input" >> ${log}`,
    'if [ "$1" = get ]; then',
    '  if [ "$input" = host.test ]; then echo \'{"ServerURL":"host.test","Username":"<token>","Secret":"t"}\'; exit 0; fi',
    '  echo "credentials not found in native keychain"; exit 1',
    'fi',
  ];
  writeFileSync(join(home.path, 'bin/docker-credential-test'), program.join('\n'), { mode: 0o755 });
  write(home.path, '.docker/config.json', {
    credHelpers: { 'host.test': 'test', 'none.test': 'absent', 'bad.test': '../x' },
  });
  const { credentials } = accessIn(home.path);
  assert.deepEqual(await credentials.find('host.test', 'a'), { identityToken: 't' });
  assert.equal(await credentials.find('other.test', 'a'), undefined);
  const kept = await credentials.save('host.test', { username: 'a', password: 'b' });
  assert.deepEqual(kept, { kind: 'helper', program: 'docker-credential-test' });
  assert.ok(!readFileSync(join(home.path, '.docker/config.json'), 'utf8').includes('YTpi'));
  assert.equal(await credentials.remove('host.test'), true);
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [
    'get host.test',
    'store {"ServerURL":"host.test","Username":"a","Secret":"b"}',
    'get host.test',
    'erase host.test',
  ]);
  await assert.rejects(credentials.find('none.test', 'a'), (error) => Fault.is(error, 'not-found'));
  await assert.rejects(credentials.find('bad.test', 'a'), (error) => Fault.is(error, 'invalid'));
});

function accessIn(home: string): RegistryAccess {
  const settings = join(home, 'registries.json');
  const given = JSON.parse(textOf(settings) ?? '{}') as object;
  const full = join(home, 'all-registries.json');
  writeFileSync(full, JSON.stringify({ certificates: [join(home, 'certs.d')], ...given }));
  return openRegistryAccess({
    HOME: home,
    XDG_RUNTIME_DIR: home,
    VARVE_REGISTRIES: full,
    PATH: `${home}/bin:/usr/bin:/bin`,
  });
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function clientOf(access: RegistryAccess, options: Partial<RegistryClientOptions> = {}): RegistryClient {
  const { mirrors, insecure } = access.settings();
  return new RegistryClient({
    userAgent: 'varve/test',
    credentials: (registry, repository) => access.credentials.find(registry, repository),
    certificates: access.certificates,
    mirrors,
    insecureRegistries: insecure,
    ...options,
  });
}

async function push(client: RegistryClient, reference: ReturnType<typeof parseReference>): Promise<void> {
  const target = client.target(reference);
  await target.putBlob({ descriptor: configBlob, open: () => [config] }, {});
  await target.putManifest(manifest, { mediaType: mediaTypes.ociManifest, tag: reference.tag });
}

function write(home: string, name: string, content: object): void {
  mkdirSync(join(home, name, '..'), { recursive: true });
  writeFileSync(join(home, name), JSON.stringify(content));
}

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createFakeEngine } from './fake-engine.fixture.ts';
import { assertGolden, runCli } from './terminal.fixture.ts';

test('a push prints the lines of Docker where there is no terminal', async () => {
  assertGolden('push.txt', (await runCli(['push', 'registry.test/app:1'])).stdout);
});

test('a push without a tag means latest, and with -q prints the reference alone', async () => {
  assert.match(
    (await runCli(['push', 'app'])).stdout,
    /^Using default tag: latest\nThe push refers to repository \[docker\.io\/library\/app\]\n/,
  );
  assert.equal((await runCli(['push', '-q', 'registry.test/app:1'])).stdout, 'registry.test/app:1\n');
});

test('the flags of push reach the engine', async () => {
  const fake = createFakeEngine();
  const flags = ['--compression=zstd', '--compression-level=19', '--platform=linux/arm64', '--tls-verify=false'];
  await runCli(['push', ...flags, 'registry.test/app:1'], { fake });
  const wanted = { compression: 'zstd', compressionLevel: 19, platform: 'linux/arm64', tlsVerify: false };
  assert.deepEqual(fake.calls, [['push', 'registry.test/app:1', wanted]]);
  assert.match((await runCli(['push', '--compression-level=10', 'app'])).stderr, /more than 9/);
});

test('a push of all platforms says so to the engine, and wants no single one', async () => {
  const fake = createFakeEngine();
  await runCli(['push', '--all-platforms', 'app'], { fake });
  assert.deepEqual(fake.calls, [['push', 'app', { allPlatforms: true, tlsVerify: true }]]);
  const both = await runCli(['push', '--all-platforms', '--platform=linux/arm64', 'app'], { fake });
  assert.match(both.stderr, /cannot be used together/);
});

test('--tls-verify=false of run and build reaches the engine', async () => {
  const fake = createFakeEngine();
  await runCli(['create', '--tls-verify=false', 'app'], { fake });
  await runCli(['build', '--tls-verify=false', '.'], { fake });
  for (const [verb, ...given] of fake.calls) {
    const options = given.at(-1) as { readonly tlsVerify?: boolean };
    assert.equal(options.tlsVerify, false, verb);
  }
});

test('login takes the password from standard input, and says where it is kept', async () => {
  const fake = createFakeEngine();
  const stdin = 'geheim\n';
  const { code, stdout, stderr } = await runCli(['login', '-u', 'me', '--password-stdin', 'host.test'], {
    fake,
    stdin,
  });
  assert.deepEqual([code, stdout], [0, 'Login Succeeded\n']);
  assert.match(stderr, /stored unencrypted in '\/root\/\.docker\/config\.json'/);
  assert.deepEqual(fake.calls, [
    ['login', { server: 'host.test', username: 'me', password: 'geheim', tlsVerify: true }],
  ]);
});

test('login without a terminal wants both flags, and not the password twice', async () => {
  assert.match((await runCli(['login'])).stderr, /Cannot perform an interactive login from a non TTY device/);
  assert.match((await runCli(['login', '--password-stdin'])).stderr, /must provide --username/);
  assert.match((await runCli(['login', '-u', 'a', '-p', 'b', '--password-stdin'])).stderr, /mutually exclusive/);
});

test('login asks at a terminal, and shows no password', async () => {
  const stdin = Readable.from([Buffer.from('me\n'), Buffer.from('gehh'), Buffer.from('\x7feim\r')]);
  const { fake, rawModes, stderr } = await runCli(['login'], { stdin, stdinIsTty: true });
  assert.deepEqual(rawModes, [true, false]);
  assert.match(stderr, /^Username: Password: \n/);
  assert.deepEqual(fake.calls, [['login', { server: undefined, username: 'me', password: 'geheim', tlsVerify: true }]]);
  const refused = await runCli(['login', '-u', 'me'], { stdin: '\x03', stdinIsTty: true });
  assert.deepEqual([refused.code, refused.fake.calls], [1, []]);
});

test('logout says what it did', async () => {
  assert.equal((await runCli(['logout', 'host.test'])).stdout, 'Removing login credentials for host.test\n');
  assert.equal((await runCli(['logout', 'nowhere.test'])).stdout, 'Not logged in to nowhere.test\n');
});

test("Docker's --insecure of manifest inspect is --tls-verify=false", async () => {
  const { fake } = await runCli(['manifest', 'inspect', '--insecure', 'app']);
  assert.deepEqual(fake.calls, [['manifest', 'app', { tlsVerify: false }]]);
});

test('what belongs to a manifest is a table, or digests alone', async () => {
  const fake = createFakeEngine();
  const { stdout } = await runCli(['manifest', 'referrers', '--artifact-type=a/b', 'app:1'], { fake });
  assert.deepEqual(stdout.trim().split(/\s{2,}|\n/), [
    'DIGEST',
    'ARTIFACT TYPE',
    'SIZE',
    `sha256:${'e'.repeat(64)}`,
    'application/spdx+json',
    '1.23kB',
    `sha256:${'f'.repeat(64)}`,
    '<none>',
    '5B',
  ]);
  assert.deepEqual(fake.calls, [['referrers', 'app:1', { tlsVerify: true, artifactType: 'a/b' }]]);
  const format = ['--format', '{{.Annotations}}'];
  assert.equal((await runCli(['manifest', 'referrers', ...format, 'app'])).stdout, 'by=scanner,at=noon\n\n');
  assert.equal((await runCli(['manifest', 'referrers', '-q', 'app'])).stdout.split('\n').length, 3);
});

test('tags are printed one a line, and a manifest as it is or indented', async () => {
  assert.equal((await runCli(['tags', 'registry.test/app'])).stdout, '1\n2\n');
  assert.equal((await runCli(['manifest', 'inspect', '--raw', 'a'])).stdout, '{"schemaVersion":2,"layers":[]}');
  assert.equal((await runCli(['manifest', 'inspect', 'a'])).stdout, '{\n   "schemaVersion": 2,\n   "layers": []\n}\n');
});

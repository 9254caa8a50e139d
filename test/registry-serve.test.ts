/** `varve registry serve` beside the programs that it is for: skopeo, Docker, and varve itself on another store. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsDocker, peerProgram } from '../src/std/docker-peer.fixture.ts';
import { eventually, LiveProgram } from './live-program.ts';
import { needsRoot, runProgram, TestStore, type Ended } from './test-store.ts';

const needsSkopeo = needsRoot !== false ? needsRoot : existsSync('/usr/bin/skopeo') ? false : 'needs skopeo';
/** `ann:right`. */
const accounts = 'ann:$2b$04$9zaogrxSQaG/6fXG3Voac.89shhqK0W9cXTVwqFlZIFQ5Ap1QBHhy\n';

/** Serves the store on a free port; ends with the test. */
async function serve(store: TestStore, ...flags: readonly string[]): Promise<{ live: LiveProgram; host: string }> {
  const live = new LiveProgram(store, ['registry', 'serve', '--addr', '127.0.0.1:0', ...flags]);
  await live.says(/listening on https?:\/\/\S+/);
  return { live, host: /listening on https?:\/\/(\S+)/.exec(live.stderr)?.[1] ?? '' };
}

async function skopeo(...args: readonly string[]): Promise<Ended> {
  const ended = await runProgram('/usr/bin/skopeo', ['--insecure-policy', ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

async function docker(...args: readonly string[]): Promise<Ended> {
  const ended = await runProgram(peerProgram, ['docker', ...args]);
  assert.equal(ended.code, 0, `docker ${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
  return ended;
}

const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];

test('skopeo copies from it what was built, and to it what runs at once', { skip: needsSkopeo }, async () => {
  await using store = new TestStore();
  await store.busybox('app:1');
  const { live, host } = await serve(store);
  await using _ = live;
  const layout = join(store.folder, 'layout');
  await skopeo('copy', ...plain, `docker://${host}/app:1`, `oci:${layout}:app`);
  await skopeo('copy', ...plain, `oci:${layout}:app`, `docker://${host}/team/app:2`);
  const ran = await store.ok(['run', '--rm', '--network', 'host', 'team/app:2', 'echo', 'pushed']);
  assert.equal(ran.stdout, 'pushed\n');
  const tags = await skopeo('list-tags', '--tls-verify=false', `docker://${host}/team/app`);
  assert.deepEqual((JSON.parse(tags.stdout) as { Tags: string[] }).Tags, ['2']);
  await skopeo('delete', '--tls-verify=false', `docker://${host}/team/app:2`);
  assert.equal((await store.run(['inspect', 'team/app:2'])).code, 1);
  const ended = await live.signal('SIGINT').ended;
  assert.equal(ended.code, 130);
});

test('varve pulls from it into another store; no layer travels twice', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  await using other = new TestStore();
  await store.busybox('base:1');
  const context = store.context('app', { Dockerfile: 'FROM base:1\nCOPY file /file\n', file: 'content' });
  await store.ok(['build', '-q', '-t', 'app:1', context]);
  const { live, host } = await serve(store, '--read-only');
  await using _ = live;
  await other.ok(['pull', `${host}/base:1`]);
  await other.ok(['pull', `${host}/app:1`]);
  const ran = await other.ok(['run', '--rm', '--network', 'host', `${host}/app:1`, 'cat', '/file']);
  assert.equal(ran.stdout, 'content');
  await live.signal('SIGTERM').ended;
  const blobs = [...live.stderr.matchAll(/GET \S+\/blobs\/(\S+) 200/g)].map(([, digest]) => digest);
  assert.equal(new Set(blobs).size, blobs.length, 'no blob twice');
  const [image] = JSON.parse((await store.ok(['inspect', 'app:1'])).stdout) as [{ RootFS: { Layers: string[] } }];
  assert.equal(blobs.length, image.RootFS.Layers.length + 2, 'each layer, and two configs');
});

test('Docker pulls from it, pushes to it, and runs what it pulled', { skip: needsDocker }, async () => {
  await using store = new TestStore();
  await store.busybox('app:1');
  const { live, host } = await serve(store);
  await using _ = live;
  const [pulled, pushed] = [`${host}/app:1`, `${host}/from-docker:2`];
  try {
    await docker('pull', '-q', pulled);
    const ran = await docker('run', '--rm', '--network', 'host', pulled, 'echo', 'in docker');
    assert.equal(ran.stdout, 'in docker\n');
    const context = join(store.folder, 'docker');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), `FROM ${pulled}\nRUN echo more > /more\n`);
    await docker('buildx', 'build', '-q', '--network=host', '--load', '-t', pushed, context);
    await docker('push', '-q', pushed);
    const more = await store.ok(['run', '--rm', '--network', 'host', 'from-docker:2', 'cat', '/more']);
    assert.equal(more.stdout, 'more\n');
  } finally {
    await runProgram(peerProgram, ['docker', 'rmi', '-f', pulled, pushed]);
  }
});

test('with a password and TLS skopeo gets in, and nobody else', { skip: needsSkopeo }, async () => {
  await using store = new TestStore();
  await store.busybox('app:1');
  const folder = store.context('tls', { htpasswd: accounts });
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'ca.crt')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const auth = ['--auth', join(folder, 'htpasswd')];
  const { live, host } = await serve(store, ...auth, '--tls-cert', cert, '--tls-key', key);
  await using _ = live;
  const inspect = (creds: string): Promise<Ended> => {
    const args = ['inspect', '--cert-dir', folder, '--creds', creds, `docker://${host}/app:1`];
    return runProgram('/usr/bin/skopeo', args);
  };
  assert.equal((await inspect('ann:right')).code, 0);
  assert.equal((await inspect('ann:wrong')).code, 1);
  assert.equal((await runProgram('/usr/bin/skopeo', ['inspect', `docker://${host}/app:1`])).code, 1);
  assert.equal(live.stderr.includes('right'), false);
});

test('killed in the middle of a push it leaves a sound store, and serves again', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  await store.busybox('app:1');
  const { live, host } = await serve(store);
  await using _ = live;
  const begun = await fetch(`http://${host}/v2/cut/blobs/uploads/`, { method: 'POST' });
  await begun.body?.cancel();
  const [address = '', port = ''] = host.split(':');
  const socket = connect(Number(port), address);
  socket.on('error', () => undefined);
  socket.write(`PATCH ${begun.headers.get('location')} HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n`);
  socket.write(Buffer.alloc(1_000_000));
  const ingested = async (): Promise<boolean> => {
    const status = await fetch(`http://${host}${begun.headers.get('location')}`);
    await status.body?.cancel();
    return status.headers.get('range') !== '0-0';
  };
  await eventually('bytes have arrived', ingested);
  await live.kill();
  socket.destroy();
  const check = await store.run(['check']);
  assert.equal(check.code, 0, check.stdout);
  await store.ok(['prune']);
  const again = await serve(store);
  await using __ = again.live;
  const answer = await fetch(`http://${again.host}/v2/app/manifests/1`);
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});

test('Ctrl-C lets a transfer end that is under way, and begins no other', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  const files = { Dockerfile: 'FROM scratch\nCOPY file /file\n', file: randomBytes(40_000_000) };
  await store.ok(['build', '-q', '-t', 'large:1', store.context('large', files)]);
  const { live, host } = await serve(store);
  await using _ = live;
  const manifest = (await (await fetch(`http://${host}/v2/large/manifests/1`)).json()) as {
    layers: { digest: string }[];
  };
  const digest = manifest.layers[0]?.digest ?? '';
  const answer = await fetch(`http://${host}/v2/large/blobs/${digest}`);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const hash = createHash('sha256').update((await reader.read()).value ?? '');
  live.signal('SIGINT');
  await eventually('nothing new is taken', async () => {
    const refused = await fetch(`http://${host}/v2/`).catch(() => undefined);
    await refused?.body?.cancel();
    return refused === undefined;
  });
  assert.equal(live.isOver, false);
  for (let next = await reader.read(); !next.done; next = await reader.read()) hash.update(next.value);
  assert.equal(`sha256:${hash.digest('hex')}`, digest);
  assert.equal((await live.ended).code, 130);
});

test('bad flags are named', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  const folder = store.context('flags', { htpasswd: 'ann:plain\n', 'not.pem': 'no' });
  const pem = join(folder, 'not.pem');
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--addr', 'nowhere'], /not of the form HOST:PORT/],
    [['--addr', '127.0.0.1:70000'], /not of the form HOST:PORT/],
    [['--auth', join(folder, 'none')], /read .*none/],
    [['--auth', join(folder, 'htpasswd')], /line 1 is not NAME:HASH/],
    [['--tls-cert', pem], /go together/],
    [['--tls-cert', pem, '--tls-key', pem], /use the TLS certificate/],
    [['--addr', '192.0.2.1:5000'], /listen on 192\.0\.2\.1:5000/],
  ];
  for (const [flags, message] of cases) {
    const ended = await store.run(['registry', 'serve', ...flags]);
    assert.equal(ended.code, 1, flags.join(' '));
    assert.match(ended.stderr, message);
  }
  assert.equal(readFileSync(pem, 'utf8'), 'no');
});

/** Registries that are not there, or do not do what they should: a clear Fault, nothing half-written, the next try works. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { craftImage } from '../src/image/crafted-image.fixture.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { hostileRegistry, type HostileRegistry } from './hostile-registry.ts';
import { isBundled, maxPeakKiB, measuredRun } from './measured-run.ts';
import { accessFaults } from './registry-faults/access-faults.ts';
import { documentFaults } from './registry-faults/document-faults.ts';
import { listFaults } from './registry-faults/list-faults.ts';
import {
  flood,
  freshImage,
  nothingElse,
  on,
  withConfig,
  type Answer,
  type Ask,
  type RegistryFault,
} from './registry-faults/registry-fault.ts';
import { refuse, send } from '../src/http/scripted-server.fixture.ts';
import { slowFaults } from './registry-faults/slow-faults.ts';
import { transferFaults } from './registry-faults/transfer-faults.ts';
import { uploadFaults } from './registry-faults/upload-faults.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot;
const isMeasured = isBundled();

/** No command takes longer, whatever the registry does. */
const timeoutMs = 120_000;
/** Most of the time is spent waiting before the next try. */
const faultsAtOnce = 4;

for (const [what, faults] of [
  ['access to a registry', accessFaults],
  ['manifests and configs', documentFaults],
  ['lists', listFaults],
  ['layers on their way', transferFaults],
  ['uploads', uploadFaults],
  ['a registry that takes its time', slowFaults],
] as const) {
  test(`faults of ${what}: the registry`, { skip, concurrency: faultsAtOnce }, async (t) => {
    await using store = new TestStore();
    writeFileSync(join(store.folder, 'registries.json'), '{"timeoutSeconds":1}');
    const settings = faults === slowFaults ? { VARVE_REGISTRIES: join(store.folder, 'registries.json') } : {};
    const plays = faults.map((fault, number) =>
      t.test(fault.title, (sub) => {
        if (!isMeasured) sub.diagnostic('memory is not measured: the program is not bundled');
        return play(fault, { store, number, settings });
      }),
    );
    await Promise.all(plays);
    await store.ok(['check', '--repair']);
    assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
  });
}

interface Stage {
  readonly store: TestStore;
  readonly number: number;
  readonly settings: Readonly<Record<string, string>>;
}

async function play(fault: RegistryFault, { store, number, settings }: Stage): Promise<void> {
  await using registry = await hostileRegistry((fault.image ?? freshImage)(), fault.misbehave);
  const folder = join(store.folder, `fault-${number}`);
  mkdirSync(folder);
  const commands = prepare(registry, { store, folder: `fault-${number}` });
  const env = { ...settings, DOCKER_CONFIG: loggedIn(folder, registry.host) };
  const pushed = commands.get('push')?.at(-1) ?? '';
  if (fault.asks.includes('push')) await store.ok(['build', '-q', '-t', pushed, join(folder, 'content')]);
  const argsOf = (ask: Ask): readonly string[] => commands.get(ask) ?? [];
  for (const ask of fault.asks) {
    const ended = await measuredRun(store, argsOf(ask), { env, timeoutMs, stdin: password });
    if (fault.says === undefined) assert.equal(ended.code, 0, `${ask}: ${ended.stderr}`);
    else assertRefused(ask, ended, fault.says);
    assertHarmless(ask, ended);
    if (isMeasured) assert.ok(ended.peakKiB <= maxPeakKiB, `${ask}: peak memory was ${ended.peakKiB} KiB`);
  }
  if (fault.says !== undefined) assert.ok(!(await isNamed(store, [registry.host, folder])), 'an image was left');
  registry.isSick = false;
  const again = new Set([fault.asks[0], fault.asks.at(-1)]);
  for (const ask of again)
    if (ask !== undefined && fault.isHopeless !== true) await store.ok(argsOf(ask), { env, stdin: password });
  for (const { headers, line } of registry.elsewhere.requests) assert.equal(headers.authorization, undefined, line);
}

/** The command lines, and what they need. Images are called after the registry or the folder. */
function prepare(
  { host }: HostileRegistry,
  { store, folder }: { readonly store: TestStore; readonly folder: string },
): ReadonlyMap<Ask, readonly string[]> {
  const name = `${host}/app:1`;
  const from = store.context(`${folder}/from`, { Dockerfile: `FROM ${name}\nLABEL from=${folder}\n` });
  const content = store.context(`${folder}/content`, {
    Dockerfile: 'FROM scratch\nCOPY large /\nCOPY small /\n',
    large: randomBytes(1_500_000),
    small: folder,
  });
  return new Map<Ask, readonly string[]>([
    ['login', ['login', '-u', 'somebody', '--password-stdin', host]],
    ['pull', ['pull', name]],
    ['pull --all-platforms', ['pull', '--all-platforms', name]],
    ['build FROM', ['build', '--pull', '-t', `${folder}:built`, from]],
    ['build --cache-from', ['build', '--cache-from', `type=registry,ref=${name}`, content]],
    ['build --cache-to', ['build', '--cache-to', `type=registry,ref=${host}/cache:1`, content]],
    ['copy', ['copy', `docker://${name}`, `oci:${join(store.folder, folder, 'layout')}:1`]],
    ['manifest inspect', ['manifest', 'inspect', name]],
    ['tags', ['tags', `${host}/app`]],
    ['push', ['push', `${host}/to/app:1`]],
  ]);
}

const password = 'swordfish-of-the-registry';
const encoded = Buffer.from(`somebody:${password}`).toString('base64');

/** A folder with Docker's file, in which somebody is logged in. */
function loggedIn(folder: string, host: string): string {
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth: encoded } } }));
  return folder;
}

/** A cache that cannot be read is a warning: the build does without. To log in in vain is told in Docker's words. */
function assertRefused(ask: Ask, ended: Ended, words: RegExp): void {
  const isWarning = ask === 'build --cache-from';
  const isLoginRefused = ask === 'login' && /refused|denied|who asks/.test(words.source);
  const says = isLoginRefused ? /unauthorized: incorrect username or password/ : words;
  assert.equal(ended.code, isWarning ? 0 : 1, `${ask}: ended with ${ended.code}: ${ended.stdout}${ended.stderr}`);
  assert.match(ended.stderr, says, ask);
}

/** Neither secrets nor what a terminal would obey, nor more than a person can read. */
function assertHarmless(ask: string, { stdout, stderr }: Ended): void {
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(`${stdout}${stderr}`, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/, ask);
  assert.doesNotMatch(stderr, /internal:|\n\s+at /, ask);
  assert.ok(stderr.length < 6000, `${ask}: ${stderr.length} characters were said`);
  for (const secret of [password, encoded]) assert.ok(!`${stdout}${stderr}`.includes(secret), `${ask}: shows a secret`);
}

async function isNamed(store: TestStore, [host, folder]: readonly [string, string]): Promise<boolean> {
  const names = (await store.ok(['images', '--format', '{{.Repository}}'])).stdout.split('\n');
  return names.some((name) => name.startsWith(`${host}/app`) || name === folder.split('/').at(-1));
}

test('a registry that is down', { skip }, async () => {
  await using store = new TestStore();
  const host = await deadHost();
  assertDown(await store.run(['pull', `${host}/app:1`]), /ECONNREFUSED[^]*nothing listens there/);
  await assertNothingHalfWritten(store);
});

test('a pull of something that does not exist', { skip: skip === false ? dockerRegistryMissing : skip }, async () => {
  await using store = new TestStore();
  await using registry = await startDockerRegistry();
  for (const name of ['nothing', 'nothing:1', `nothing@${freshImage().descriptor.digest}`]) {
    assertDown(await store.run(['pull', `${registry.host}/${name}`]), /nothing: manifest [^ ]+: not found/);
  }
  assertDown(await store.run(['pull', 'NOT A NAME']), /NOT A NAME/);
  await assertNothingHalfWritten(store);
});

test('a download that is cut goes on where it was', { skip }, async () => {
  await using store = new TestStore();
  const cut = transferFaults.find(({ title }) => title === 'cuts a layer now and then');
  await using registry = await hostileRegistry(freshImage(), cut?.misbehave ?? nothingElse);
  await store.ok(['pull', `${registry.host}/app:1`]);
  const asked = registry.requests.filter(({ line }) => line.endsWith(`/blobs/${registry.image.layers[1]?.digest}`));
  assert.deepEqual(
    asked.map(({ headers }) => headers.range),
    [undefined, 'bytes=70000-', 'bytes=140000-'],
  );
});

test('names in a layer that point out of the root stay inside it', { skip }, async () => {
  await using store = new TestStore();
  const outside = join(store.folder, 'outside');
  const climbing = `${'../'.repeat(12)}${outside.slice(1)}`;
  const files = { [climbing]: 'climbed', [`${outside}-absolute`]: 'absolute', 'etc/ok': 'ok' };
  await using registry = await hostileRegistry(craftImage([{ files }]), nothingElse);
  await store.ok(['pull', `${registry.host}/app:1`]);
  assert.deepEqual(readdirSync(store.folder).toSorted(), ['run', 'store']);
  const tree = (await store.ok(['layers', '--tree', `${registry.host}/app:1`, '1'])).stdout;
  assert.match(tree, new RegExp(`^A ${outside.slice(1)}$`, 'm'));
  assert.match(tree, new RegExp(`^A ${outside.slice(1)}-absolute$`, 'm'));
});

test('a shared cache whose layers cannot be had is a warning, and the steps are built', { skip }, async (t) => {
  const ways: Readonly<Record<string, Answer>> = {
    refused: (_, response) => refuse(response, 403, 'DENIED', 'not yours'),
    gone: (_, response) => refuse(response, 404, 'BLOB_UNKNOWN', 'collected'),
    'other bytes': ({ bytes }, response) => send(response, 200, randomBytes(bytes?.length ?? 0)),
    'without an end': (_, response) => flood(response, 'x'.repeat(65_536), 1e9),
  };
  for (const [title, answer] of Object.entries(ways)) {
    await t.test(title, async () => {
      await using here = new TestStore();
      await using there = new TestStore();
      const layers = on(
        'blob',
        (question, ...rest) => (question.bytes?.length ?? 0) > 1e6 && answer(question, ...rest),
      );
      await using registry = await hostileRegistry(freshImage(), layers);
      registry.isSick = false;
      const place = `type=registry,ref=${registry.host}/cache:1`;
      const context = there.context('content', {
        Dockerfile: 'FROM scratch\nCOPY large /\nCOPY small /\n',
        large: randomBytes(1_500_000),
        small: 's',
      });
      await there.ok(['build', '-t', 'built', '--cache-to', place, context]);
      registry.isSick = true;
      const built = await here.ok(['build', '-t', 'built', '--cache-from', place, context]);
      assert.match(built.stderr, /cache .* is not reused: layer \w+: /);
      assertHarmless('build', built);
      const ids = await Promise.all(
        [here, there].map((store) => store.ok(['inspect', '--format', '{{.RootFS.Layers}}', 'built'])),
      );
      assert.equal(ids[0]?.stdout, ids[1]?.stdout);
    });
  }
});

test('an image that says control characters of itself', { skip }, async () => {
  await using store = new TestStore();
  const evil = '\u001b[2J\u009b31m\u0007\u007f\r';
  const image = withConfig(freshImage(), (config) => ({
    ...config,
    author: evil,
    config: { User: evil, Cmd: [evil], Env: [`A=${evil}`], Labels: { [evil]: evil }, WorkingDir: `/${evil}` },
    history: [{ created_by: evil, comment: evil }, { created_by: 'fine' }],
  }));
  await using registry = await hostileRegistry(image, nothingElse);
  const name = `${registry.host}/app:1`;
  assertHarmless('pull', await store.ok(['pull', name]));
  await store.ok(['create', '--name', 'evil', name]);
  for (const args of [
    ['history', name],
    ['history', '--no-trunc', name],
    ['layers', name],
    ['layers', '--tree', name],
  ])
    assertHarmless(args.join(' '), await store.ok(args));
  for (const args of [
    ['inspect', name],
    ['inspect', 'evil'],
    ['ps', '-a', '--no-trunc'],
    ['ps', '-a', '--format', 'json'],
  ])
    assertHarmless(args.join(' '), await store.ok(args));
  assertHarmless('run', await store.run(['run', '--rm', name]));
});

function assertDown(ended: Ended, says: RegExp): void {
  assert.ok(ended.code !== 0 && ended.code !== null, `ended with ${ended.code}: ${ended.stdout}`);
  assert.match(ended.stderr, says);
  assert.doesNotMatch(ended.stderr, /internal:|\n\s+at /);
}

async function assertNothingHalfWritten(store: TestStore): Promise<void> {
  assert.equal((await store.ok(['images', '-aq'])).stdout, '');
  await store.ok(['check']);
}

/** A port on which nobody listens any more. */
async function deadHost(): Promise<string> {
  await using registry = await hostileRegistry(freshImage(), nothingElse);
  return registry.host;
}

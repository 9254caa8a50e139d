import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { StoredIndex } from '../image/index.ts';
import { parseReference } from '../oci/index.ts';
import { addLayer, containerDefaults, testStore, type TestStore } from './test-store.fixture.ts';

const signal = new AbortController().signal;
const skip = process.getuid?.() !== 0 && 'needs root to mount';

test('an index is one row, and inspect shows its members', { skip }, async () => {
  await using at = await testStore();
  const { digest, members } = addIndex(at, 'app', ['arm64', 'amd64']);
  const { images } = at.engine;
  assert.deepEqual(
    images.list().map(({ repository, imageId }) => ({ repository, imageId })),
    [{ repository: 'app', imageId: members[1]?.image.imageId }],
  );
  const shown = images.inspect('app');
  assert.equal(shown['Id'], members[1]?.image.imageId);
  assert.deepEqual(shown['RepoDigests'], [`app@${digest}`]);
  assert.deepEqual(
    (shown['Manifests'] as readonly { readonly ID: string }[]).map(({ ID }) => ID),
    members.map(({ descriptor }) => descriptor.digest),
  );
});

test('what an index lacks for this machine is said with what it has', { skip }, async () => {
  await using at = await testStore();
  addIndex(at, 'app', ['arm64', 'riscv64']);
  assert.throws(
    () => at.engine.images.history('app'),
    (error) => Fault.is(error, 'not-found') && error.hint === 'it is there for linux/arm64, linux/riscv64',
  );
  assert.equal(at.engine.images.list().length, 1);
  assert.equal(at.engine.images.inspect('app')['Architecture'], 'arm64');
});

test('rmi removes the index and what only it needs', { skip }, async () => {
  await using at = await testStore();
  const { members } = addIndex(at, 'app', ['amd64', 'arm64']);
  at.store.images.tag(members[0]!.image.imageId, parseReference('kept'));
  at.engine.images.tag('app', 'again');
  assert.deepEqual(at.engine.images.remove('again', { force: false }), [{ untagged: 'again:latest' }]);
  assert.deepEqual(at.engine.images.remove('app', { force: false }), [
    { untagged: 'app:latest' },
    { deleted: members[1]?.image.imageId },
  ]);
  assert.deepEqual(
    at.store.layers.list().map(({ diffId }) => diffId),
    members[0]?.image.chain,
  );
  assert.deepEqual(await findings(at), []);
});

test('an index of which a container uses one image stays whole', { skip }, async () => {
  await using at = await testStore();
  addIndex(at, 'app', ['amd64', 'arm64']);
  const { id } = await at.engine.containers.create({ ...containerDefaults, image: 'app', signal });
  assert.throws(
    () => at.engine.images.remove('app', { force: false }),
    (error) => Fault.is(error, 'conflict'),
  );
  at.nowMs += 60_000;
  const { deleted } = await at.engine.system.prune({ all: true, dryRun: true, signal });
  assert.equal(deleted.filter(({ kind }) => kind === 'image').length, 2, 'the container goes first');
  await at.engine.containers.remove(id, { force: true });
  await at.engine.system.prune({ all: true, dryRun: false, signal });
  assert.deepEqual(at.store.blobs.list(), []);
});

test('garbage collection keeps all members', { skip }, async () => {
  await using at = await testStore();
  const index = addIndex(at, 'app', ['amd64', 'arm64']);
  await at.engine.system.prune({ all: false, dryRun: false, signal });
  assert.equal(at.store.layers.list().length, 2);
  assert.equal(at.store.images.findIndex(index.digest)?.members.length, 2);
  assert.deepEqual(await findings(at), []);
});

test('check finds what a member lacks, and a repair drops the name', { skip }, async () => {
  await using at = await testStore();
  const { members } = addIndex(at, 'app', ['amd64', 'arm64']);
  at.store.blobs.delete(members[1]!.image.imageId);
  await at.reopen();
  const [found] = await findings(at);
  assert.match(
    found ?? '',
    /^image app:latest: its image for linux\/arm64: its config sha256:\S+ is missing or damaged/,
  );
  await at.engine.system.check({ repair: true, signal, onProgress: () => {} });
  assert.deepEqual(at.store.images.list(), []);
});

test('check walks an index that is damaged', { skip }, async () => {
  await using at = await testStore();
  const { digest } = addIndex(at, 'app', ['amd64']);
  at.store.blobs.delete(digest);
  await at.reopen();
  const [found] = await findings(at);
  assert.equal(
    found,
    `image app:latest: its index ${digest} is missing or damaged; it cannot be used: pull or build it again`,
  );
});

async function findings({ engine }: TestStore): Promise<readonly string[]> {
  const { findings: found } = await engine.system.check({ repair: false, signal, onProgress: () => {} });
  return found.map(({ message }) => message);
}

function addIndex({ store }: TestStore, name: string, architectures: readonly string[]): StoredIndex {
  using holder = store.state.leases.acquire({ purpose: 'test' });
  const members = architectures.map((architecture) => {
    const platform = { os: 'linux', architecture };
    const diffIds = [addLayer(store, architecture, { holder })];
    const config = { ...platform, config: { Cmd: ['true'] }, rootfs: { type: 'layers' as const, diff_ids: diffIds } };
    return { platform, digest: store.images.write(config, { holder }) };
  });
  return store.images.addIndex(members, { names: [parseReference(name)], holder });
}

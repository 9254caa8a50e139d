import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Fault } from '../errors/index.ts';
import { needsDocker, peerProgram } from '../std/docker-peer.fixture.ts';
import { parseReference, type Digest } from '../oci/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../registry/docker-registry.fixture.ts';
import type { PushOptions, PushProgress, PushResult } from './images.ts';
import { addImage, addPulledImage, testStore, type TestStore } from './test-store.fixture.ts';

const skip = dockerRegistryMissing;
const { signal } = new AbortController();
const run = promisify(execFile);

test('an image that was built is pushed with compressed layers, and found by skopeo', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/team/app:1`;
  const image = addImage(at.store, name, ['one', 'two']);
  const { result, states } = await push(at, name);
  assert.equal(result.reference, name);
  assert.deepEqual(
    states,
    image.chain.map((diffId) => [diffId, 'preparing', 'waiting', 'done']),
  );
  const shown = await inspect(name);
  assert.equal(shown.digest, result.digest);
  assert.deepEqual(shown.types, [
    'application/vnd.oci.image.layer.v1.tar+gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip',
  ]);
  assert.equal(shown.config, image.imageId);
  assert.deepEqual(await checked(at), []);
});

test('a second push moves nothing, and one to another repository mounts', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const [first, second] = [`${registry.host}/first:1`, `${registry.host}/second:1`];
  const { chain } = addImage(at.store, first, ['one', 'two']);
  const pushed = await push(at, first);
  const again = await push(at, first);
  assert.equal(again.result.digest, pushed.result.digest);
  assert.deepEqual(
    again.states,
    chain.map((diffId) => [diffId, 'preparing', 'exists']),
  );
  at.engine.images.tag(first, second);
  const mounted = await push(at, second);
  assert.deepEqual(
    mounted.states,
    chain.map((diffId) => [diffId, 'preparing', 'waiting', 'mounted']),
  );
  assert.equal(mounted.result.digest, pushed.result.digest);
});

test('pulled layers are passed on byte for byte: the manifest stays what it was', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/app:1`;
  const { manifestDigest } = addPulledImage(at.store, name, ['one', 'two']);
  assert.equal((await push(at, name)).result.digest, manifestDigest);
  assert.equal((await push(at, name, { compression: 'zstd' })).result.digest, manifestDigest);
});

test('a pulled layer whose blob was never fetched need not be here where the registry has it', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/app:1`;
  const { manifestDigest, manifest, chain } = addPulledImage(at.store, name, ['one']);
  await push(at, name);
  at.store.blobs.delete(manifest.layers[0]?.digest as Digest);
  at.engine.images.tag(name, `${registry.host}/app:2`);
  const { result, states } = await push(at, `${registry.host}/app:2`);
  assert.equal(result.digest, manifestDigest);
  assert.deepEqual(states, [[chain[0], 'preparing', 'waiting', 'exists']]);
});

test('layers are compressed as asked, and the same each time', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  await using other = await testStore();
  const name = `${registry.host}/app:1`;
  for (const each of [at, other]) addImage(each.store, name, ['one']);
  for (const [compression, suffix] of [
    ['zstd', '+zstd'],
    ['uncompressed', ''],
    ['gzip', '+gzip'],
  ] as const) {
    const { result } = await push(at, name, { compression });
    assert.deepEqual((await inspect(name)).types, [`application/vnd.oci.image.layer.v1.tar${suffix}`]);
    assert.equal((await push(other, name, { compression })).result.digest, result.digest);
  }
});

test('an index is pushed with all its members, with --platform one of them', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/app:1`;
  const members = (['amd64', 'arm64'] as const).map((architecture) => ({
    digest: addImage(at.store, undefined, [architecture]).imageId,
    platform: { os: 'linux', architecture },
  }));
  {
    using holder = at.store.state.leases.acquire({ purpose: 'test' });
    at.store.images.addIndex(members, { names: [parseReference(name)], holder });
  }
  const { result } = await push(at, name);
  const index = JSON.parse(await raw(name)) as { readonly manifests: readonly { readonly digest: string }[] };
  assert.equal(index.manifests.length, 2);
  for (const { digest } of index.manifests) {
    const member = JSON.parse(await raw(`${registry.host}/app@${digest}`)) as { readonly layers: readonly object[] };
    assert.equal(member.layers.length, 1);
  }
  const one = await push(at, name, { platform: 'linux/arm64' });
  assert.notEqual(one.result.digest, result.digest);
  assert.equal(one.result.digest, index.manifests[1]?.digest);
});

test('prune --compressed drops only blobs that varve compressed itself', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const [built, pulled] = [`${registry.host}/built:1`, `${registry.host}/pulled:1`];
  addImage(at.store, built, ['one', 'two']);
  addPulledImage(at.store, pulled, ['three']);
  const before = await push(at, built);
  await push(at, pulled);
  const count = at.store.blobs.list().length;
  await at.engine.system.prune({ all: false, dryRun: false, signal });
  assert.equal(at.store.blobs.list().length, count);
  const { deleted } = await at.engine.system.prune({ all: false, compressed: true, dryRun: false, signal });
  assert.deepEqual(
    deleted.map(({ kind }) => kind),
    ['blob', 'blob'],
  );
  assert.deepEqual(at.store.state.compressedLayers.list(), []);
  assert.equal((await push(at, pulled)).result.digest, (await inspect(pulled)).digest);
  assert.equal((await push(at, built)).result.digest, before.result.digest);
  assert.deepEqual(await checked(at), []);
});

test('what a layer was compressed to goes with the layer', { skip }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/app:1`;
  addImage(at.store, name, ['one']);
  await push(at, name);
  at.engine.images.remove(name, { force: false });
  assert.deepEqual([at.store.blobs.list(), at.store.state.compressedLayers.list()], [[], []]);
});

test('what is not here, or named by a digest, is not pushed; a registry that is down is said to be so', async () => {
  await using at = await testStore();
  addImage(at.store, '127.0.0.1:1/app:1', ['one']);
  const digest = `sha256:${'0'.repeat(64)}`;
  await assert.rejects(push(at, 'nothing.test/app'), (error) => Fault.is(error, 'not-found'));
  await assert.rejects(push(at, `127.0.0.1:1/app@${digest}`), (error) => Fault.is(error, 'invalid'));
  await assert.rejects(push(at, '127.0.0.1:1/app:1'), (error) => Fault.is(error, 'unavailable'));
});

test('docker pulls what was pushed', { skip: skip || needsDocker }, async () => {
  await using registry = await startDockerRegistry();
  await using at = await testStore();
  const name = `${registry.host}/app:1`;
  for (const compression of ['gzip', 'zstd'] as const) {
    const image = addImage(at.store, name, [compression, 'two']);
    await push(at, name, { compression });
    try {
      await run(peerProgram, ['docker', 'pull', '--quiet', name]);
      const { stdout } = await run(peerProgram, [
        'docker',
        'image',
        'inspect',
        '--format',
        '{{json .RootFS.Layers}}',
        name,
      ]);
      assert.deepEqual(JSON.parse(stdout), image.chain);
    } finally {
      await run(peerProgram, ['docker', 'image', 'rm', '--force', name]).catch(() => undefined);
    }
  }
});

interface Pushed {
  readonly result: PushResult;
  /** Of each layer, the states that it went through. */
  readonly states: readonly (readonly string[])[];
}

async function push(at: TestStore, name: string, options: Partial<PushOptions> = {}): Promise<Pushed> {
  const states = new Map<string, string[]>();
  const onProgress = (event: PushProgress): void => {
    if (event.kind !== 'layer') return;
    states.set(event.digest, [...(states.get(event.digest) ?? []), event.state]);
  };
  const result = await at.engine.images.push(name, { signal, onProgress, ...options });
  return { result, states: [...states].map(([digest, seen]) => [digest, ...seen]) };
}

async function raw(name: string): Promise<string> {
  return (await run('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${name}`])).stdout;
}

async function inspect(
  name: string,
): Promise<{ readonly digest: string; readonly config: string; readonly types: readonly string[] }> {
  const { stdout } = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${name}`]);
  const manifest = JSON.parse(await raw(name)) as {
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly mediaType: string }[];
  };
  return {
    digest: (JSON.parse(stdout) as { readonly Digest: string }).Digest,
    config: manifest.config.digest,
    types: manifest.layers.map(({ mediaType }) => mediaType),
  };
}

async function checked(at: TestStore): Promise<readonly object[]> {
  return (await at.engine.system.check({ repair: false, signal, onProgress: () => undefined })).findings;
}

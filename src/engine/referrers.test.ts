import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, encodeManifest, mediaTypes, parseReference, type Descriptor } from '../oci/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../registry/docker-registry.fixture.ts';
import { RegistryClient } from '../registry/index.ts';
import { testStore } from './test-store.fixture.ts';

const { signal } = new AbortController();
const empty = Buffer.from('{}');
const blob = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: empty.length };
const image = encodeManifest({ kind: 'image', mediaType: mediaTypes.ociManifest, config: blob, layers: [] });
const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf(image), size: image.length };

test(
  'what belongs to a manifest is found by its name, also where the registry keeps no list of it',
  { skip: dockerRegistryMissing },
  async () => {
    await using at = await testStore();
    await using registry = await startDockerRegistry();
    const name = `${registry.host}/app:1`;
    await push(name);
    const { registries } = at.engine;
    const types = ['application/spdx+json', 'application/signature'];
    const all = await registries.referrers(name, { signal });
    assert.deepEqual(
      all.map(({ digest, artifactType }) => [digest, artifactType]),
      types.map((type) => [digestOf(belonging(type)), type]),
    );
    assert.deepEqual(all[0]?.annotations, { by: 'test' });
    const one = await registries.referrers(`${registry.host}/app@${subject.digest}`, {
      artifactType: types[1] ?? '',
      signal,
    });
    assert.deepEqual(one, all.slice(1));
    const nothing = await registries.referrers(`${registry.host}/app@${digestOf('nothing')}`, { signal });
    assert.deepEqual(nothing, []);
  },
);

async function push(name: string): Promise<void> {
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const reference = parseReference(name);
  const target = client.target(reference);
  await target.putBlob({ descriptor: blob, open: () => [empty] }, {});
  await target.putManifest(image, { mediaType: mediaTypes.ociManifest, tag: reference.tag });
  for (const type of ['application/spdx+json', 'application/signature']) {
    await target.putManifest(belonging(type), { mediaType: mediaTypes.ociManifest });
  }
}

function belonging(artifactType: string): Uint8Array {
  const layers: readonly Descriptor[] = [blob];
  const annotations = { by: 'test' };
  return encodeManifest({
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: blob,
    layers,
    subject,
    annotations,
  });
}

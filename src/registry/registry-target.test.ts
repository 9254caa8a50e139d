import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, encodeManifest, mediaTypes, parseReference, type Descriptor } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from './docker-registry.fixture.ts';
import { RegistryClient } from './registry-client.ts';
import type { BlobContent } from './remote-target.ts';

const skip = dockerRegistryMissing;
const small = contentOf(Buffer.from('small'));
const large = contentOf(Buffer.alloc(5_000_000, 'layer upon layer '));

test('blobs and a manifest go to a registry, and come back', { skip }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const reference = parseReference(`${registry.host}/a/b:one`);
  const target = client.target(reference);
  const progress: number[] = [];
  for (const content of [small, large, contentOf(Buffer.alloc(0))]) {
    assert.equal(await target.hasBlob(content.descriptor, {}), false);
    await target.putBlob(content, { onProgress: (doneBytes) => progress.push(doneBytes) });
    assert.equal(await target.hasBlob(content.descriptor, {}), true);
    const back = await readAll(target.blob(content.descriptor, {}), 1 << 24);
    assert.equal(digestOf(back), content.descriptor.digest);
  }
  assert.ok(progress.includes(5) && progress.includes(5_000_000));
  const bytes = manifestOver([small, large]);
  const digest = await target.putManifest(bytes, { mediaType: mediaTypes.ociManifest, tag: 'one' });
  assert.equal(digest, digestOf(bytes));
  assert.deepEqual(await target.findManifest('one', {}), {
    mediaType: mediaTypes.ociManifest,
    digest,
    size: bytes.length,
  });
  assert.equal(await target.findManifest('two', {}), undefined);
  assert.equal((await client.repository(reference).manifest(digest, {})).digest, digest);
});

test('a blob is mounted from another repository of the registry, and not from where it is not', { skip }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  await client.target(parseReference(`${registry.host}/a`)).putBlob(large, {});
  const target = client.target(parseReference(`${registry.host}/b`));
  assert.equal(await target.mountBlob(large.descriptor, 'elsewhere.test/a', {}), false);
  assert.equal(await target.mountBlob(small.descriptor, `${registry.host}/a`, {}), false);
  assert.equal(await target.mountBlob(large.descriptor, `${registry.host}/a`, {}), true);
  assert.ok(await target.hasBlob(large.descriptor, {}));
  // The upload that the refused mount began takes the bytes.
  await target.putBlob(small, {});
  assert.ok(await target.hasBlob(small.descriptor, {}));
});

test('what is missing or wrong is refused by the registry, in its words', { skip }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const target = client.target(parseReference(`${registry.host}/a`));
  const lying: BlobContent = { descriptor: small.descriptor, open: () => [Buffer.from('SMALL')] };
  await assert.rejects(
    target.putBlob(lying, {}),
    (error) => Fault.is(error, 'corrupt') && /digest/.test(error.message),
  );
  const short: BlobContent = { descriptor: small.descriptor, open: () => [Buffer.from('sma')] };
  await assert.rejects(
    target.putBlob(short, {}),
    (error) => Fault.is(error, 'corrupt') && /5 bytes/.test(error.message),
  );
  const manifest = manifestOver([small]);
  await assert.rejects(target.putManifest(manifest, { mediaType: mediaTypes.ociManifest, tag: 'x' }), (error) =>
    Fault.is(error, 'invalid'),
  );
});

test('tags are listed over all pages', { skip }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const reference = parseReference(`${registry.host}/a`);
  const target = client.target(reference);
  await target.putBlob(small, {});
  const manifest = manifestOver([]);
  for (const tag of ['one', 'two', 'three']) {
    await target.putManifest(manifest, { mediaType: mediaTypes.ociManifest, tag });
  }
  const tags = await Array.fromAsync(client.repository(reference).tags({}));
  assert.deepEqual(tags.toSorted(), ['one', 'three', 'two']);
});

test('referrers are kept under the fallback tag where the registry keeps none', { skip }, async () => {
  await using registry = await startDockerRegistry();
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const reference = parseReference(`${registry.host}/a`);
  const target = client.target(reference);
  await target.putBlob(small, {});
  const bytes = manifestOver([]);
  const digest = await target.putManifest(bytes, { mediaType: mediaTypes.ociManifest, tag: 'x' });
  const subject = { mediaType: mediaTypes.ociManifest, digest, size: bytes.length };
  assert.deepEqual(await client.repository(reference).referrers(digest, {}), []);
  for (const artifactType of ['application/vnd.one', 'application/vnd.two', 'application/vnd.two']) {
    await target.putManifest(manifestOver([], { artifactType, subject }), { mediaType: mediaTypes.ociManifest });
  }
  const types = async (artifactType?: string): Promise<readonly (string | undefined)[]> =>
    (await client.repository(reference).referrers(digest, { artifactType })).map((each) => each.artifactType);
  assert.deepEqual(await types(), ['application/vnd.one', 'application/vnd.two']);
  assert.deepEqual(await types('application/vnd.two'), ['application/vnd.two']);
});

function contentOf(bytes: Buffer): BlobContent {
  const digest = digestOf(bytes);
  assert.equal(digest, `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  return {
    descriptor: { mediaType: 'application/octet-stream', digest, size: bytes.length },
    open: (offsetBytes) => [bytes.subarray(offsetBytes)],
  };
}

function manifestOver(
  layers: readonly BlobContent[],
  more: { readonly artifactType?: string; readonly subject?: Descriptor } = {},
): Uint8Array {
  const mediaType = mediaTypes.ociLayer;
  return encodeManifest({
    kind: 'image',
    mediaType: mediaTypes.ociManifest,
    config: { ...small.descriptor, mediaType: mediaTypes.ociConfig },
    layers: layers.map(({ descriptor }) => ({ ...descriptor, mediaType })),
    ...more,
  });
}

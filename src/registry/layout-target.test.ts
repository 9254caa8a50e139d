import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, type Descriptor, type Digest } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { LayoutTarget } from './layout-target.ts';
import { openArchiveTarget } from './oci-archive-target.ts';
import { openDirectoryTarget } from './oci-directory-target.ts';
import { openLayoutArchive, openLayoutDirectory, type OciLayout } from './oci-layout.ts';
import { resolveImage } from './resolve-image.ts';
import { linux, sampleImage, sampleIndex, type SampleImage } from './sample-image.fixture.ts';
import { temporaryFiles } from './temporary-files.fixture.ts';

interface Kind {
  readonly open: (path: string) => Promise<LayoutTarget>;
  readonly read: (path: string) => Promise<OciLayout>;
}

const kinds: readonly (readonly [string, Kind])[] = [
  ['a directory', { open: openDirectoryTarget, read: openLayoutDirectory }],
  ['an archive', { open: openArchiveTarget, read: openLayoutArchive }],
];

for (const [kind, { open, read }] of kinds) {
  test(`${kind} has what was put, byte for byte, also put twice and all at once`, async () => {
    using files = temporaryFiles();
    const path = join(files.path, 'layout');
    const [one, two] = [sampleImage(['base', 'one']), sampleImage(['base', 'two'])];
    await using target = await open(path);
    await Promise.all([put(target, one, 'one'), put(target, two, 'two'), put(target, one, 'again')]);
    assert.equal((await target.findManifest('one', {}))?.digest, one.descriptor.digest);
    assert.equal(await target.findManifest('three', {}), undefined);
    assert.equal(await target.hasBlob(one.descriptor, {}), true);
    await target.finish();
    const layout = await read(path);
    for (const [tag, image] of [
      ['one', one],
      ['two', two],
      ['again', one],
    ] as const) {
      const found = await resolveImage(layout, tag, { platform: linux });
      assert.deepEqual(found.descriptor, image.descriptor);
      for (const [digest, bytes] of image.blobs) assert.deepEqual(await blobOf(layout, digest, bytes), bytes);
    }
  });

  test(`${kind} lists an image without a name once, and gives a name to the last that asked`, async () => {
    using files = temporaryFiles();
    const path = join(files.path, 'layout');
    const image = sampleImage(['a']);
    const index = sampleIndex([image]);
    await using target = await open(path);
    await put(target, image, 'tag');
    for (let times = 0; times < 2; times++) await target.list(image.descriptor, undefined);
    await putManifest(target, index, 'tag');
    await target.finish();
    const { entries } = await read(path);
    assert.deepEqual(
      entries.map(({ digest, annotations }) => [digest, annotations?.['org.opencontainers.image.ref.name']]),
      [
        [image.descriptor.digest, undefined],
        [index.descriptor.digest, 'tag'],
      ],
    );
  });

  test(`${kind} refuses a blob that is not what its digest and size say`, async () => {
    using files = temporaryFiles();
    const bytes = Buffer.from('content');
    const descriptor: Descriptor = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
    for (const sent of ['contents', 'conten', 'CONTENT', '']) {
      await using target = await open(join(files.path, `layout-${sent.length}${sent.at(0)}`));
      await assert.rejects(target.putBlob({ descriptor, open: () => [Buffer.from(sent)] }, {}), (error) =>
        Fault.is(error, 'corrupt'),
      );
      assert.equal(await target.hasBlob(descriptor, {}), false);
    }
  });
}

test('an archive has no name before it is finished, and leaves nothing where it is given up', async () => {
  using files = temporaryFiles();
  const path = join(files.path, 'x.tar');
  {
    await using target = await openArchiveTarget(path);
    await put(target, sampleImage(['a']), 'one');
  }
  assert.deepEqual(readdirSync(files.path), []);
  files.write('x.tar', Buffer.from('before'));
  {
    await using target = await openArchiveTarget(path);
    await put(target, sampleImage(['a']), 'one');
    assert.equal(readFileSync(path, 'utf8'), 'before');
    await target.finish();
  }
  assert.deepEqual(readdirSync(files.path), ['x.tar']);
  assert.equal((await openLayoutArchive(path)).entries.length, 1);
});

test('a directory keeps the images that it had; one that holds something else is left alone', async () => {
  using files = temporaryFiles();
  for (const [text, tag] of [
    ['a', 'one'],
    ['b', 'two'],
  ] as const) {
    await using target = await openDirectoryTarget(join(files.path, 'layout'));
    await put(target, sampleImage([text]), tag);
  }
  assert.equal((await openLayoutDirectory(join(files.path, 'layout'))).entries.length, 2);
  await assert.rejects(openDirectoryTarget(files.path), (error) => Fault.is(error, 'invalid'));
  assert.deepEqual(readdirSync(files.path), ['layout']);
});

async function put(target: LayoutTarget, image: SampleImage, tag: string): Promise<void> {
  const others = [...image.blobs].filter(([digest]) => digest !== image.descriptor.digest);
  await Promise.all(others.map(([digest, bytes]) => putBlob(target, digest, bytes)));
  await putManifest(target, image, tag);
}

async function putBlob(target: LayoutTarget, digest: Digest, bytes: Uint8Array): Promise<void> {
  const descriptor = { mediaType: 'application/octet-stream', digest, size: bytes.length };
  await target.putBlob({ descriptor, open: () => [bytes] }, {});
}

async function putManifest(
  target: LayoutTarget,
  { blobs, descriptor }: Pick<SampleImage, 'blobs' | 'descriptor'>,
  tag: string,
): Promise<void> {
  const bytes = blobs.get(descriptor.digest) ?? new Uint8Array();
  assert.equal(await target.putManifest(bytes, { mediaType: descriptor.mediaType, tag }), descriptor.digest);
}

async function blobOf(layout: OciLayout, digest: Digest, { length }: Uint8Array): Promise<Uint8Array> {
  const descriptor = { mediaType: 'application/octet-stream', digest, size: length };
  return readAll(layout.blob(descriptor, {}), length);
}

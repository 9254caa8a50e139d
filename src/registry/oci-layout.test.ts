import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { parseReference } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { LayoutContent } from './layout-content.ts';
import { writeOciDirectory } from './oci-directory.ts';
import { openLayoutArchive, openLayoutDirectory } from './oci-layout.ts';
import { resolveImage } from './resolve-image.ts';
import { archiveOf, layoutBlobs, linux, once, sampleImage, sampleIndex } from './sample-image.fixture.ts';
import { temporaryFiles } from './temporary-files.fixture.ts';
import { readBlob, verifiedBlob } from './verified-blob.ts';

const image = sampleImage(['one', 'two']);
const content: LayoutContent = {
  images: [{ descriptor: image.descriptor, names: [parseReference('app:1.0')] }],
  blobs: layoutBlobs(image.blobs),
};
const missing = (tool: string): string | false => (existsSync(`/usr/bin/${tool}`) ? false : `${tool} is not installed`);

test('an archive is read as it was written, by tag, whole name and digest', async () => {
  using files = temporaryFiles();
  const layout = await openLayoutArchive(files.write('x.tar', await archiveOf(content)));
  assert.equal(layout.entries.length, 1);
  for (const name of ['1.0', 'docker.io/library/app:1.0', image.descriptor.digest]) {
    assert.deepEqual((await layout.manifest(name, {})).manifest, image.manifest);
  }
  const found = await resolveImage(layout, '1.0', { platform: linux });
  assert.deepEqual(found.descriptor, image.descriptor);
  const config = await readBlob(layout, found.manifest.config, { limitBytes: 10_000 });
  assert.deepEqual(Buffer.from(config), Buffer.from(image.blobs.get(found.manifest.config.digest) ?? ''));
  await assert.rejects(layout.manifest('2.0', {}), (error) => Fault.is(error, 'not-found'));
});

test('a directory is read like an archive, from an offset too', async () => {
  using files = temporaryFiles();
  execFileSync('tar', ['-xf', files.write('x.tar', await archiveOf(content)), '-C', files.path]);
  const layout = await openLayoutDirectory(files.path);
  const [descriptor] = (await resolveImage(layout, '1.0', { platform: linux })).manifest.layers;
  assert.ok(descriptor);
  const whole = Buffer.from(await readAll(verifiedBlob(layout, descriptor, {}), 10_000));
  assert.deepEqual(whole, Buffer.from(image.blobs.get(descriptor.digest) ?? ''));
  const rest = await readAll(layout.blob(descriptor, { offsetBytes: 10 }), 10_000);
  assert.deepEqual(Buffer.from(rest), whole.subarray(10));
});

test('equal content gives equal archives', async () => {
  assert.deepEqual(
    await archiveOf(content),
    await archiveOf({ ...content, blobs: [...content.blobs, ...content.blobs] }),
  );
});

test('images with the same tag are told apart by their whole names', async () => {
  using files = temporaryFiles();
  const other = sampleImage(['three']);
  const images = [
    { descriptor: image.descriptor, names: [parseReference('a'), parseReference('a:2')] },
    { descriptor: other.descriptor, names: [parseReference('b')] },
  ];
  const blobs = [...layoutBlobs(image.blobs), ...layoutBlobs(other.blobs)];
  const layout = await openLayoutArchive(files.write('x.tar', await archiveOf({ images, blobs })));
  assert.equal((await layout.manifest('docker.io/library/a:latest', {})).digest, image.descriptor.digest);
  assert.equal((await layout.manifest('docker.io/library/b:latest', {})).digest, other.descriptor.digest);
  assert.equal((await layout.manifest('2', {})).digest, image.descriptor.digest);
});

test('a blob that is not what its digest and size say stops the archive', async () => {
  const [first] = layoutBlobs(image.blobs);
  assert.ok(first);
  const wrong = [
    { ...first, read: () => once(Buffer.alloc(first.sizeBytes)) },
    { ...first, read: () => once(Buffer.alloc(first.sizeBytes - 1)) },
    { ...first, read: () => once(Buffer.alloc(first.sizeBytes + 1)) },
  ];
  for (const blob of wrong) {
    await assert.rejects(archiveOf({ ...content, blobs: [blob] }), (error) => Fault.is(error, 'corrupt'));
  }
});

test('what is no layout is refused with a reason', async () => {
  using files = temporaryFiles();
  await assert.rejects(openLayoutDirectory(files.path), /there is no oci-layout/);
  files.write('oci-layout', Buffer.from('{"imageLayoutVersion":"2.0.0"}'));
  await assert.rejects(openLayoutDirectory(files.path), /"2\.0\.0" is not known/);
  files.write('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  await assert.rejects(openLayoutDirectory(files.path), /there is no index\.json/);
  files.write('index.json', Buffer.alloc(5 * 1024 * 1024));
  await assert.rejects(openLayoutDirectory(files.path), /more than the allowed 4194304 bytes/);
  await assert.rejects(openLayoutArchive(join(files.path, 'none.tar')), (error) => Fault.is(error, 'not-found'));
  const packed = files.write('x.tar.gz', gzipSync('a tar'));
  await assert.rejects(openLayoutArchive(packed), /open image archive .*x\.tar\.gz: it is compressed \(gzip\)/);
  await assert.rejects(openLayoutArchive(files.path), /not a regular file/);
});

test('a blob or manifest that was changed in the layout is corrupt', async () => {
  using files = temporaryFiles();
  execFileSync('tar', ['-xf', files.write('x.tar', await archiveOf(content)), '-C', files.path]);
  const layout = await openLayoutDirectory(files.path);
  const { manifest } = await resolveImage(layout, '1.0', { platform: linux });
  files.write(`blobs/sha256/${manifest.config.digest.slice(7)}`, Buffer.alloc(manifest.config.size));
  await assert.rejects(readBlob(layout, manifest.config, { limitBytes: 10_000 }), (error) =>
    Fault.is(error, 'corrupt'),
  );
  files.write(`blobs/sha256/${manifest.config.digest.slice(7)}`, Buffer.alloc(3));
  await assert.rejects(readBlob(layout, manifest.config, { limitBytes: 10_000 }), /3 bytes instead of/);
  files.write(`blobs/sha256/${image.descriptor.digest.slice(7)}`, Buffer.from('{}'));
  await assert.rejects(layout.manifest('1.0', {}), (error) => Fault.is(error, 'corrupt'));
});

test('of an index the image for the platform is taken, and what there is is named', async () => {
  using files = temporaryFiles();
  const arm = sampleImage(['arm'], { os: 'linux', architecture: 'arm64' });
  const index = sampleIndex([arm, image]);
  const images = [{ descriptor: index.descriptor, names: [parseReference('app')] }];
  const archive = await archiveOf({ images, blobs: layoutBlobs(index.blobs) });
  const layout = await openLayoutArchive(files.write('x.tar', archive));
  const found = await resolveImage(layout, 'latest', { platform: linux });
  assert.equal(found.descriptor.digest, image.descriptor.digest);
  assert.equal(found.target.digest, index.descriptor.digest);
  await assert.rejects(
    resolveImage(layout, 'latest', { platform: { os: 'linux', architecture: 's390x' } }),
    (error) => Fault.is(error, 'not-found') && /images for linux\/arm64, linux\/amd64/.test(error.hint ?? ''),
  );
});

test('skopeo reads the archive', { skip: missing('skopeo') }, async () => {
  using files = temporaryFiles();
  const archive = files.write('x.tar', await archiveOf(content));
  const inspected = JSON.parse(skopeo('inspect', `oci-archive:${archive}:1.0`)) as { readonly Digest: string };
  assert.equal(inspected.Digest, image.descriptor.digest);
  skopeo('copy', '--quiet', `oci-archive:${archive}`, `dir:${join(files.path, 'copy')}`);
});

test('umoci unpacks the layout to the files of its layers', { skip: missing('umoci') }, async () => {
  using files = temporaryFiles();
  execFileSync('tar', ['-xf', files.write('x.tar', await archiveOf(content)), '-C', files.path]);
  const bundle = join(files.path, 'bundle');
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${files.path}:1.0`, bundle], { stdio: 'pipe' });
  assert.equal(execFileSync('cat', [join(bundle, 'rootfs/file')], { encoding: 'utf8' }), 'two');
});

test('who writes an archive can be stopped', async () => {
  const written = archiveOf(content, AbortSignal.abort());
  await assert.rejects(written, (error) => Fault.is(error, 'cancelled'));
});

function skopeo(...options: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...options], { encoding: 'utf8' });
}

test('a layout in a directory is the same layout; what is there already is not written again', async () => {
  using files = temporaryFiles();
  const directory = join(files.path, 'layout');
  const index = sampleIndex([image]);
  const images = [{ descriptor: index.descriptor, names: [parseReference('app:1')] }];
  await writeOciDirectory({ images, blobs: layoutBlobs(index.blobs) }, directory);
  const unread = layoutBlobs(index.blobs).map((blob) => ({ ...blob, read: () => once(Buffer.alloc(0)) }));
  await writeOciDirectory({ images, blobs: unread }, directory);
  const layout = await openLayoutDirectory(directory);
  assert.equal((await layout.manifest('1', {})).digest, index.descriptor.digest);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('.')),
    [],
  );
});

test('a directory whose blob cannot be written has no index', async () => {
  using files = temporaryFiles();
  const wrong = layoutBlobs(image.blobs).map((blob) => ({ ...blob, read: () => once(Buffer.alloc(1)) }));
  await assert.rejects(writeOciDirectory({ images: [], blobs: wrong }, join(files.path, 'layout')), (error) =>
    Fault.is(error, 'corrupt'),
  );
  assert.equal(existsSync(join(files.path, 'layout/index.json')), false);
  assert.deepEqual(readdirSync(join(files.path, 'layout/blobs/sha256')), []);
});

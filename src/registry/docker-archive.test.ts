import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { needsDocker, peerProgram } from '../std/docker-peer.fixture.ts';
import { encodeImageConfig, parseReference, toDiffId, type ImageConfig } from '../oci/index.ts';
import { writeDockerArchive, type DockerArchiveImage } from './docker-archive.ts';
import { describe, layerTar, linux, once } from './sample-image.fixture.ts';
import type { LayoutBlob } from './layout-content.ts';
import { temporaryFiles } from './temporary-files.fixture.ts';

const noSkopeo = existsSync('/usr/bin/skopeo') ? false : 'skopeo is not installed';

test('what two images share is written once, and equal content gives equal bytes', async () => {
  const images = [archived(['base', 'one'], ['app:1', 'app:2']), archived(['base', 'two'], ['other:1'])];
  const bytes = await archiveOf(images);
  assert.deepEqual(bytes, await archiveOf(images));
  using files = temporaryFiles();
  const listed = execFileSync('tar', ['-tf', files.write('x.tar', bytes)], { encoding: 'utf8' });
  const names = listed.trim().split('\n');
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.filter((name) => /^[0-9a-f]{64}\.tar$/.test(name)).length, 3);
});

test('an image without a name is listed without one', async () => {
  using files = temporaryFiles();
  const archive = files.write('x.tar', await archiveOf([archived(['a'], [])]));
  const manifest = execFileSync('tar', ['-xOf', archive, 'manifest.json'], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(manifest)[0].RepoTags, []);
});

test('skopeo reads the archive', { skip: noSkopeo }, async () => {
  using files = temporaryFiles();
  const archive = files.write('x.tar', await archiveOf([archived(['a', 'b'], ['app:1'])]));
  const options = ['--insecure-policy', 'copy', '--quiet'];
  execFileSync('skopeo', [...options, `docker-archive:${archive}:app:1`, `dir:${join(files.path, 'copy')}`]);
});

test('docker load takes the archive', { skip: needsDocker }, async () => {
  using files = temporaryFiles();
  const name = 'varve-docker-archive.test/app:1';
  const image = archived(['a', 'b'], [name]);
  const archive = files.write('x.tar', await archiveOf([image]));
  try {
    assert.match(docker('load', '--input', archive), /Loaded image/);
    assert.equal(docker('image', 'inspect', '--format', '{{.Id}}', name), image.config.digest);
    assert.equal(JSON.parse(docker('image', 'inspect', name))[0].RootFS.Layers.length, 2);
  } finally {
    docker('image', 'rm', '--force', name);
  }
});

test('a layer that is not what its digest says fails the archive', async () => {
  const image = archived(['a'], []);
  const layers = image.layers.map((layer) => ({ ...layer, read: () => once(Buffer.alloc(layer.sizeBytes)) }));
  await assert.rejects(archiveOf([{ ...image, layers }]), (error) => Fault.is(error, 'corrupt'));
});

test('who writes an archive can be stopped', async () => {
  await assert.rejects(archiveOf([archived(['a'], [])], AbortSignal.abort()), (error) => Fault.is(error, 'cancelled'));
});

function docker(...command: readonly string[]): string {
  return execFileSync(peerProgram, ['docker', ...command], { encoding: 'utf8' }).trim();
}

function archived(texts: readonly string[], names: readonly string[]): DockerArchiveImage {
  const layers = texts.map((text) => blobOf(layerTar(text)));
  const diffIds = layers.map(({ digest }) => toDiffId(digest));
  const config: ImageConfig = { ...linux, config: { Cmd: ['cat'] }, rootfs: { type: 'layers', diff_ids: diffIds } };
  return { config: blobOf(encodeImageConfig(config)), layers, names: names.map(parseReference) };
}

function blobOf(bytes: Uint8Array): LayoutBlob {
  const { digest, size } = describe(bytes, 'any');
  return { digest, sizeBytes: size, read: () => once(bytes) };
}

async function archiveOf(images: readonly DockerArchiveImage[], signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array): Promise<void> => {
    chunks.push(Buffer.from(chunk));
    return Promise.resolve();
  };
  await writeDockerArchive(images, write, { signal });
  return Buffer.concat(chunks);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf } from './digest.ts';
import type { Descriptor } from './descriptor.ts';
import { imageLayers } from './image-layers.ts';
import type { ImageManifest, Manifest } from './manifest.ts';
import { encodeManifest, parseImageManifest, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-type.ts';
import { toDiffId } from './digest.ts';

const config: Descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf('c'), size: 1 };
const layer: Descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('l'), size: 2 };
const image: ImageManifest = { kind: 'image', mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const plain = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };

test('what was encoded parses to the same value', () => {
  const full: Manifest = {
    ...image,
    artifactType: 'application/x',
    subject: { ...config, urls: ['https://a.example/x'], artifactType: 'a/b' },
    annotations: { b: '2', a: '1', ['__proto__']: 'kept' },
  };
  assert.deepEqual(parseManifest(encodeManifest(full)), full);
  const platform = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.features': ['x'] };
  const index: Manifest = {
    kind: 'index',
    mediaType: mediaTypes.dockerManifestList,
    manifests: [{ ...config, mediaType: mediaTypes.dockerManifest, platform }],
  };
  assert.deepEqual(parseManifest(encodeManifest(index)), index);
});

test('equal manifests have equal bytes, whatever the order of their fields and maps', () => {
  const { kind, mediaType, layers } = image;
  const shuffled = { layers, annotations: { b: '2', a: '1' }, mediaType, config, kind };
  const text = Buffer.from(encodeManifest(shuffled)).toString();
  assert.equal(text, Buffer.from(encodeManifest({ ...image, annotations: { a: '1', b: '2' } })).toString());
  assert.match(
    text,
    /^\{"schemaVersion":2,"mediaType":"[^"]+","config":\{"mediaType":"[^"]+","digest":"[^"]+","size":1\},/,
  );
});

test('a document with both manifests and layers is refused (CVE-2021-41190)', () => {
  for (const extra of [{ manifests: [] }, { manifests: null }, { manifests: [], layers: undefined }]) {
    refuses({ ...plain, ...extra }, 'invalid', /both an index and/);
  }
  refuses({ ...plain, mediaType: mediaTypes.ociIndex, manifests: [] }, 'invalid', /both an index and/);
});

test('the media type must match what was served', () => {
  assert.equal(served(mediaTypes.ociManifest).kind, 'image');
  assert.throws(() => served(mediaTypes.ociIndex), /served as .*index.* but says that it is .*manifest/);
  assert.throws(
    () => served('application/json'),
    (error) => Fault.is(error, 'invalid'),
  );
});

test('a document that does not say what it is is what it was served as, or what it looks like', () => {
  const { mediaType: _, ...unnamed } = plain;
  assert.equal(parseManifest(json(unnamed)).mediaType, mediaTypes.ociManifest);
  assert.equal(parseManifest(json({ schemaVersion: 2, manifests: [] })).mediaType, mediaTypes.ociIndex);
  assert.throws(() => parseManifest(json(unnamed), { mediaType: mediaTypes.ociIndex }), /manifests is missing/);
  assert.throws(() => parseManifest(json(unnamed), { mediaType: mediaTypes.dockerManifest }), /mediaType is missing/);
});

test('a manifest keeps to one family of media types', () => {
  refuses({ ...plain, mediaType: mediaTypes.dockerManifest }, 'invalid', /but refers to/);
  refuses({ ...plain, layers: [{ ...layer, mediaType: mediaTypes.dockerLayerGzip }] }, 'invalid', /but refers to/);
});

test('negative and oversized descriptors are refused, manifests over 4 MiB and configs over 8 MiB too', () => {
  refuses({ ...plain, layers: [{ ...layer, size: -1 }] }, 'invalid', /layers\[0\]\.size is not a whole number/);
  refuses({ ...plain, layers: [{ ...layer, size: 2 ** 63 }] }, 'invalid', /layers\[0\]\.size/);
  refuses({ ...plain, layers: [{ ...layer, size: 1.5 }] }, 'invalid', /layers\[0\]\.size/);
  refuses({ ...plain, config: { ...config, size: 8 * 1024 * 1024 + 1 } }, 'invalid', /over the limit of 8388608/);
  const child = { mediaType: mediaTypes.ociManifest, digest: digestOf('x'), size: 4 * 1024 * 1024 + 1 };
  refuses({ schemaVersion: 2, manifests: [child] }, 'invalid', /manifests\[0\]\.size: .* over the limit of 4194304/);
  assert.throws(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1)), /4194305 bytes are over the limit/);
});

test('embedded content must be what the descriptor says', () => {
  const data = Buffer.from('c').toString('base64');
  assert.equal(parseManifest(json({ ...plain, config: { ...config, data } })).kind, 'image');
  refuses({ ...plain, config: { ...config, data: 'ZA==' } }, 'corrupt', /config\.data is not the content of/);
  refuses({ ...plain, config: { ...config, data: 'Yw' } }, 'invalid', /config\.data is not base64/);
});

test('what is no manifest is refused with a reason', () => {
  for (const text of ['', '[]', 'null', '"x"', '{', '\ufeff{}', '{"schemaVersion":2', '['.repeat(1_000_000)]) {
    assert.throws(
      () => parseManifest(Buffer.from(text)),
      (error) => Fault.is(error, 'invalid'),
      text.slice(0, 20),
    );
  }
  assert.throws(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d])), /not JSON/);
  refuses({ ...plain, schemaVersion: 1 }, 'unsupported', /schema version is 1/);
  refuses({ ...plain, mediaType: 'application/x' }, 'unsupported', /not that of an image/);
  refuses({ ...plain, layers: {} }, 'invalid', /layers is not a list/);
  refuses({ ...plain, layers: [null] }, 'invalid', /layers\[0\] is not an object/);
});

test('an index is refused where the manifest of one image is needed', () => {
  assert.throws(() => parseImageManifest(json({ schemaVersion: 2, manifests: [] })), /an index stands where/);
});

test('an image without layers is read, also as Go writes it', () => {
  assert.deepEqual(parseImageManifest(json({ ...plain, layers: null })).layers, []);
});

test('a manifest and a config that disagree about the number of layers are refused', () => {
  const diffId = toDiffId(digestOf('d'));
  const of = (diff_ids: readonly (typeof diffId)[]): unknown =>
    imageLayers(image, { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids } });
  assert.deepEqual(of([diffId]), [{ descriptor: layer, diffId }]);
  assert.throws(() => of([]), /1 layers in the manifest, 0 in the config/);
});

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function refuses(value: unknown, code: 'invalid' | 'unsupported' | 'corrupt', message: RegExp): void {
  assert.throws(
    () => parseManifest(json(value)),
    (error) => Fault.is(error, code) && message.test(error.message),
  );
}

function served(mediaType: string): Manifest {
  return parseManifest(json(plain), { mediaType });
}

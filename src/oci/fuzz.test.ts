import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { randomDraws, type Draw } from '../std/random-numbers.fixture.ts';
import {
  digestOf,
  encodeImageConfig,
  encodeManifest,
  imageLayers,
  mediaTypes,
  parseImageConfig,
  parseManifest,
  parseReference,
  toDiffId,
} from './index.ts';

const mutants = 10_000;
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('layer'), size: 300 };
const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf('manifest'), size: 400 };

const manifest = encodeManifest({
  kind: 'image',
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, digest: digestOf('config'), size: 200 },
  layers: [layer, { ...layer, data: '', size: 0, digest: digestOf('') }],
  subject: descriptor,
  annotations: { 'org.opencontainers.image.ref.name': '1' },
});
const index = encodeManifest({
  kind: 'index',
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'arm', variant: 'v7' }, urls: ['https://a'] }],
});
const config = encodeImageConfig({
  created: '2020-02-02T02:02:02Z',
  os: 'linux',
  architecture: 'amd64',
  config: { Env: ['PATH=/bin'], ExposedPorts: { '80/tcp': {} }, Labels: { a: 'b' }, Healthcheck: { Retries: 3 } },
  rootfs: { type: 'layers', diff_ids: [toDiffId(digestOf('tar')), toDiffId(digestOf('other'))] },
  history: [{ created_by: 'RUN true', empty_layer: true }],
});

test('damaged documents give a value that is sound, or a Fault', () => {
  const random = randomDraws(20_261_123);
  let accepted = 0;
  for (let count = 0; count < mutants; count++) {
    accepted += read(() => checkManifest(mutated(manifest, random))) ? 1 : 0;
    accepted += read(() => checkManifest(mutated(index, random))) ? 1 : 0;
    accepted += read(() => checkConfig(mutated(config, random))) ? 1 : 0;
    read(() => void parseReference(mutated(Buffer.from('host:5000/a/b:c@sha256:00'), random).toString('latin1')));
  }
  assert.ok(accepted > mutants / 100 && accepted < mutants * 2, String(accepted));
});

/** What is thrown and is no Fault fails the test, and so does one that says nothing. */
function read(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    assert.ok(Fault.is(error), String((error as Error).stack));
    assert.ok(error.code !== 'internal' && error.message.length > 10 && error.message.length < 1000, error.message);
    return false;
  }
}

function checkManifest(bytes: Buffer): void {
  const parsed = parseManifest(bytes);
  const named = parsed.kind === 'image' ? [parsed.config, ...parsed.layers] : parsed.manifests;
  for (const each of named) {
    assert.ok(Number.isSafeInteger(each.size) && each.size >= 0, String(each.size));
    assert.match(each.digest, /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/);
  }
  if (parsed.kind === 'image') imageLayers(parsed, parseImageConfig(config));
}

function checkConfig(bytes: Buffer): void {
  for (const diffId of parseImageConfig(bytes).rootfs.diff_ids) assert.match(diffId, /^sha256:[0-9a-f]{64}$/);
}

/** A few bytes are others, or a value is, or a piece is gone or there twice. */
function mutated(seed: Uint8Array, random: Draw): Buffer {
  let bytes: Buffer = Buffer.from(seed);
  for (let count = 1 + random(3); count > 0; count--) {
    const at = random(bytes.length);
    const way = random(4);
    if (way === 0) bytes[at] = random(256);
    else if (way === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(40))]);
    else if (way === 2) bytes = Buffer.concat([bytes.subarray(0, at + random(40)), bytes.subarray(at)]);
    else bytes = withOtherValue(bytes, random);
  }
  return bytes;
}

const values = [
  '-1',
  '0.5',
  '1e999',
  '9007199254740993',
  'null',
  '[]',
  '{}',
  '""',
  '"\\u0000"',
  '[[[[]]]]',
  'true',
  '"sha512:00"',
];

function withOtherValue(bytes: Buffer, random: Draw): Buffer {
  const text = bytes.toString('latin1');
  const places = [...text.matchAll(/:("[^"]*"|\d+)/g)];
  const place = places[random(Math.max(1, places.length))];
  if (place === undefined) return bytes;
  const start = place.index + 1;
  const end = place.index + place[0].length;
  return Buffer.from(`${text.slice(0, start)}${values[random(values.length)] ?? ''}${text.slice(end)}`, 'latin1');
}

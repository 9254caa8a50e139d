import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, toDiffId } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import { encodeImageConfig, parseImageConfig } from './image-config.ts';

const diffId = toDiffId(digestOf('layer'));
const small: ImageConfig = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } };

const full: ImageConfig = {
  created: '2015-10-31T22:22:56.015925234Z',
  author: 'A <a@example.com>',
  architecture: 'arm64',
  variant: 'v8',
  os: 'linux',
  config: {
    User: '1:1',
    ExposedPorts: { '8080/tcp': {} },
    Env: ['PATH=/bin', 'EMPTY=', 'TWO=a=b'],
    Entrypoint: ['/bin/sh'],
    Cmd: [],
    Volumes: { '/data': {} },
    WorkingDir: '/home',
    Labels: { a: '1', b: '<&>' },
    StopSignal: 'SIGKILL',
    Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 30_000_000_000, Retries: 3 },
    Shell: ['/bin/bash', '-c'],
    OnBuild: ['RUN true'],
  },
  rootfs: { type: 'layers', diff_ids: [diffId] },
  history: [
    { created: '2015-10-31T22:22:54Z', created_by: 'RUN x' },
    { comment: 'c', empty_layer: true },
  ],
};

test('what was encoded parses to the same value', () => {
  assert.deepEqual(parseImageConfig(encodeImageConfig(full)), full);
  assert.deepEqual(parseImageConfig(encodeImageConfig(small)), small);
});

test('equal configs have equal bytes, whatever the order of their fields and maps', () => {
  const { os, rootfs, architecture } = small;
  const a = { rootfs, os, config: { Labels: { b: '2', a: '1' }, User: 'u' }, architecture };
  const b = { architecture, os, config: { User: 'u', Labels: { a: '1', b: '2' } }, rootfs };
  const expected = `{"architecture":"amd64","os":"linux","config":{"User":"u","Labels":{"a":"1","b":"2"}},"rootfs":{"type":"layers","diff_ids":["${diffId}"]}}`;
  assert.equal(Buffer.from(encodeImageConfig(a)).toString(), expected);
  assert.equal(Buffer.from(encodeImageConfig(b)).toString(), expected);
});

test('null is nothing, as Docker writes it, and unknown fields are passed over', () => {
  const docker = { ...small, container_config: { Cmd: 3 }, config: { Env: null, Cmd: null, Labels: null, Tty: false } };
  assert.deepEqual(parse(docker), { ...small, config: {} });
  assert.deepEqual(parse({ ...small, rootfs: { type: 'layers' }, history: null }).rootfs.diff_ids, []);
});

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ['no platform', { rootfs: small.rootfs }, /architecture is missing/],
  ['a variable without a value', { ...small, config: { Env: ['foo'] } }, /Env\[0\] is not of the form NAME=value/],
  ['a user that is a number', { ...small, config: { User: 1 } }, /config\.User is not a string: 1/],
  ['a list of volumes', { ...small, config: { Volumes: ['/a'] } }, /config\.Volumes is not an object/],
  ['a time of another kind', { ...small, created: 'yesterday' }, /created is not a time/],
  ['a history that is text', { ...small, history: 'x' }, /history is not a list/],
  ['a diff id that is none', { ...small, rootfs: { type: 'layers', diff_ids: ['../x'] } }, /parse digest/],
  ['another kind of root', { ...small, rootfs: { type: 'zfs' } }, /only layers are known/],
  ['no root', { os: 'linux', architecture: 'amd64' }, /rootfs is missing/],
];

for (const [what, value, message] of refused) {
  test(`a config with ${what} is refused`, () => {
    assert.throws(() => parse(value), message);
  });
}

test('a config over 8 MiB is refused', () => {
  assert.throws(() => parseImageConfig(new Uint8Array(8 * 1024 * 1024 + 1)), /over the limit of 8388608/);
});

function parse(value: unknown): ImageConfig {
  return parseImageConfig(Buffer.from(JSON.stringify(value)));
}

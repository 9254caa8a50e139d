import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedRange, chunkRange } from './byte-range.ts';
import { isRepositoryName, routeOf } from './route.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('paths are told apart by their ends, whatever a repository is called', () => {
  const cases: readonly (readonly [string, object | undefined])[] = [
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    ['/v2/a/tags/list', { kind: 'tags', repository: 'a' }],
    ['/v2/a/b/c/manifests/1.0', { kind: 'manifest', repository: 'a/b/c', reference: '1.0' }],
    ['/v2/blobs/blobs/uploads', { kind: 'uploads', repository: 'blobs' }],
    ['/v2/a/blobs/uploads/', { kind: 'uploads', repository: 'a' }],
    ['/v2/a/blobs/uploads/0f', { kind: 'upload', repository: 'a', id: '0f' }],
    [`/v2/a/blobs/${encodeURIComponent(digest)}`, { kind: 'blob', repository: 'a', digest }],
    [`/v2/manifests/tags/referrers/${digest}`, { kind: 'referrers', repository: 'manifests/tags', digest }],
    ['/v2/tags/list', undefined],
    ['/v2/a', undefined],
    ['/v2/a/manifests/', undefined],
    ['/v1/a/tags/list', undefined],
    ['/v2/%zz/tags/list', undefined],
    [`/v2/${'a/'.repeat(600)}tags/list`, undefined],
  ];
  for (const [path, route] of cases) assert.deepEqual(routeOf(path), route && { ...route }, path);
});

test('names of repositories have the grammar of the specification', () => {
  for (const name of ['a', 'a/b', 'a.b_c__d-e--f/0', 'localhost/a', 'ghcr.io/a/b', 'a'.repeat(255)]) {
    assert.equal(isRepositoryName(name), true, name);
  }
  for (const name of [
    '',
    'A',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a.',
    'a..b',
    'a___b',
    'a:1',
    'a@b',
    '..',
    'a\n',
    'a'.repeat(256),
  ]) {
    assert.equal(isRepositoryName(name), false, name);
  }
});

test('ranges of a blob of 100 bytes', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    [undefined, 'whole'],
    ['bytes=0-', '0 100'],
    ['bytes=10-19', '10 20'],
    ['bytes=90-500', '90 100'],
    ['bytes=-10', '90 100'],
    ['bytes=-500', '0 100'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=20-10', 'unsatisfiable'],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=-', 'whole'],
    [`bytes=${'9'.repeat(16)}-`, 'whole'],
    ['pages=1-2', 'whole'],
  ];
  for (const [header, expected] of cases) {
    const range = askedRange(header, 100);
    const shown = range.kind === 'part' ? `${range.startBytes} ${range.endBytes}` : range.kind;
    assert.equal(shown, expected, String(header));
  }
  assert.deepEqual(askedRange('bytes=0-', 0), { kind: 'unsatisfiable' });
});

test('ranges of chunks, as the specification writes them and as some clients do', () => {
  for (const header of ['0-9', 'bytes 0-9/*', 'bytes=0-9', 'bytes 0-9/20']) {
    assert.deepEqual(chunkRange(header), { startBytes: 0, endBytes: 10 }, header);
  }
  for (const header of ['', '-9', '9-', '9-0', 'a-b', '0-9-', '0–9'])
    assert.equal(chunkRange(header), undefined, header);
});

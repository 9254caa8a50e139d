import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { annotationsFor, parseAnnotation } from './output-annotations.ts';
import { amd64, arm64 } from './outputs.fixture.ts';
import { parseOutput } from './parse-output.ts';

const gzip = { kind: 'gzip', level: undefined, forced: false } as const;
const plain = { names: [], annotations: [] };

test('what --output may say', () => {
  const table = [
    ['out', { kind: 'local', dest: 'out', platformSplit: undefined }],
    ['-', { kind: 'tar', dest: '-', platformSplit: undefined }],
    ['dest=x', { kind: 'local', dest: 'dest=x', platformSplit: undefined }],
    ['type=local,dest=out,platform-split=false', { kind: 'local', dest: 'out', platformSplit: false }],
    ['type=tar', { kind: 'tar', dest: '-', platformSplit: undefined }],
    ['type=oci,dest=x.tar', { kind: 'oci', dest: 'x.tar', tar: true, compression: gzip, ...plain }],
    ['type=oci,dest=x,tar=false', { kind: 'oci', dest: 'x', tar: false, compression: gzip, ...plain }],
    [
      'type=oci,compression=zstd,compression-level=19,force-compression=true',
      { kind: 'oci', dest: '-', tar: true, compression: { kind: 'zstd', level: 19, forced: true }, ...plain },
    ],
    ['type=docker', { kind: 'docker', dest: undefined, ...plain }],
    ['type=image,push=false,"name=a,b:1"', { kind: 'image', names: ['a', 'b:1'], annotations: [] }],
    [
      'type=image,annotation.A.b=c=d,annotation-index.x=y,annotation-manifest-descriptor[linux/arm64].p=q',
      {
        kind: 'image',
        names: [],
        annotations: [
          { place: 'manifest', platform: undefined, key: 'A.b', value: 'c=d' },
          { place: 'index', platform: undefined, key: 'x', value: 'y' },
          { place: 'manifestDescriptor', platform: arm64, key: 'p', value: 'q' },
        ],
      },
    ],
  ] as const;
  for (const [text, expected] of table) assert.deepEqual(parseOutput(text, amd64), expected, text);
});

test('what --output may not say is named, with what is known', () => {
  const table = [
    ['', 'invalid', /no list/],
    ['type=tar,"dest=x', 'invalid', /no list/],
    ['dest=x,tar=true', 'invalid', /type is required/],
    ['type=foo', 'invalid', /unknown type "foo", known are local, tar, oci, docker, image/],
    ['type=local', 'invalid', /dest is required/],
    ['type=local,dest=-', 'invalid', /cannot be standard output/],
    ['type=local,dest', 'invalid', /"dest" is not NAME=VALUE/],
    ['type=local,dest=x,bogus=1', 'invalid', /no "bogus", known are dest, platform-split/],
    ['type=oci,tar=maybe', 'invalid', /tar is true or false/],
    ['type=oci,tar=false', 'invalid', /dest is required/],
    ['type=oci,compression=brotli', 'invalid', /known are uncompressed, gzip, zstd/],
    ['type=oci,compression-level=10', 'invalid', /from 0 to 9/],
    ['type=docker,compression=zstd', 'invalid', /no "compression"/],
    ['type=image,push=true', 'unsupported', /push is not there yet/],
    ['type=image,oci-mediatypes=false', 'unsupported', /always true/],
    ['type=image,annotation-foo.x=y', 'invalid', /no "annotation-foo.x"/],
    ['type=image,annotation-index[linux/arm64].x=y', 'invalid', /an index has no platform/],
  ] as const;
  for (const [text, code, message] of table) {
    assert.throws(
      () => parseOutput(text, amd64),
      (error) => Fault.is(error, code) && message.test(error.message),
      text,
    );
  }
});

test('annotations have a place and may be for one platform', () => {
  const annotations = [
    'a=1',
    'manifest,index:b=2=3',
    'manifest[linux/arm64]:c=4',
    'index-descriptor:d=',
    'a=5',
  ].flatMap((text) => parseAnnotation(text, amd64));
  assert.deepEqual(annotationsFor(annotations, 'manifest', amd64), { a: '5', b: '2=3' });
  assert.deepEqual(annotationsFor(annotations, 'manifest', arm64), { a: '5', b: '2=3', c: '4' });
  assert.deepEqual(annotationsFor(annotations, 'index'), { b: '2=3' });
  assert.deepEqual(annotationsFor(annotations, 'indexDescriptor'), { d: '' });
  assert.equal(annotationsFor(annotations, 'manifestDescriptor', amd64), undefined);
  for (const wrong of ['a', '=b', 'foo:a=b', 'index[linux/arm64]:a=b', 'manifest[a/b/c/d]:a=b']) {
    assert.throws(
      () => parseAnnotation(wrong, amd64),
      (error) => Fault.is(error, 'invalid'),
      wrong,
    );
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from './digest.ts';
import { checkLayoutMarker, encodeLayoutMarker, layoutBlobPath } from './image-layout.ts';

test('a layout says its version, and only 1.0.0 is known', () => {
  assert.equal(Buffer.from(encodeLayoutMarker()).toString(), '{"imageLayoutVersion":"1.0.0"}');
  checkLayoutMarker(encodeLayoutMarker());
  assert.throws(() => checkLayoutMarker(Buffer.from('{"imageLayoutVersion":"2.0.0"}')), /"2\.0\.0" is not known/);
  assert.throws(() => checkLayoutMarker(Buffer.from('{}')), /imageLayoutVersion is missing/);
});

test('a blob stands under its algorithm and hex', () => {
  const digest = digestOf('');
  assert.equal(layoutBlobPath(digest), `blobs/sha256/${digest.slice('sha256:'.length)}`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MergedTree, layerChanges } from './index.ts';
import { dir, file, makeLayer, symlink } from './layer.fixture.ts';
import type { Member } from './layer.fixture.ts';

function changes(lower: readonly Member[], upper: readonly Member[]): string[] {
  const below = new MergedTree([makeLayer(lower).image]);
  const { image } = makeLayer(upper, { below });
  return [...layerChanges(image, below)].map(({ kind, path }) => `${kind} ${path}`);
}

test('everything in the bottom layer is added', () => {
  const { image } = makeLayer([dir('a'), file('a/f'), symlink('s', 'a')]);
  const found = [...layerChanges(image, undefined)].map(({ kind, path }) => `${kind} ${path}`);
  assert.deepEqual(found, ['added a', 'added s', 'added a/f']);
});

test('what is new, changed or deleted is told from directories that only lead there', () => {
  const lower = [dir('a'), file('a/f'), file('a/g'), dir('b'), file('b/x'), dir('c', { sec: 1 })];
  const upper = [file('a/f', 'new'), file('a/.wh.g'), file('a/h'), file('.wh.b'), dir('c', { sec: 2 })];
  assert.deepEqual(changes(lower, upper), ['deleted b', 'modified c', 'modified a/f', 'deleted a/g', 'added a/h']);
});

test('an opaque directory deletes what it hides and does not replace', () => {
  const lower = [dir('a'), file('a/f'), file('a/g')];
  const upper = [dir('a'), file('a/.wh..wh..opq'), file('a/f', 'new')];
  assert.deepEqual(changes(lower, upper), ['modified a', 'modified a/f', 'deleted a/g']);
});

test('a directory over a file is a change, and what it holds is added', () => {
  assert.deepEqual(changes([file('a')], [dir('a'), file('a/f')]), ['modified a', 'added a/f']);
});

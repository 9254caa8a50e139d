import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openBindSource } from './bind-source.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-bind-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

test('what was opened is bound, not what was checked', () => {
  writeFileSync(join(folder, 'chosen'), 'chosen');
  writeFileSync(join(folder, 'secret'), 'secret');
  using opened = openBindSource(join(folder, 'chosen'));
  renameSync(join(folder, 'chosen'), join(folder, 'away'));
  symlinkSync('secret', join(folder, 'chosen'));
  assert.equal(opened.kind, 'file');
  assert.equal(readFileSync(opened.source, 'utf8'), 'chosen');
});

test('a directory is told from a file', () => {
  mkdirSync(join(folder, 'directory'));
  symlinkSync('directory', join(folder, 'link'));
  using opened = openBindSource(join(folder, 'link'));
  assert.equal(opened.kind, 'dir');
});

test('a source that is not there is named', () => {
  const path = join(folder, 'missing');
  assert.throws(() => openBindSource(path), { name: 'Fault', code: 'not-found', message: new RegExp(path) });
});

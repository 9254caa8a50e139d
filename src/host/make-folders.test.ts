import assert from 'node:assert/strict';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolders } from './make-folders.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

test('folders that are missing are made, what is there stays', () => {
  using temporary = temporaryDirectory();
  const folder = temporary.path;
  makeFolders(join(folder, 'a/b/c'), 0o700);
  assert.equal(statSync(join(folder, 'a/b')).mode & 0o777, 0o700);
  makeFolders(join(folder, 'a/b/c'), 0o755);
  assert.equal(statSync(join(folder, 'a/b/c')).mode & 0o777, 0o700);
});

test('a link to a folder is that folder', () => {
  using temporary = temporaryDirectory();
  const folder = temporary.path;
  mkdirSync(join(folder, 'real'));
  symlinkSync('real', join(folder, 'link'));
  makeFolders(join(folder, 'link/below'));
  assert.ok(statSync(join(folder, 'real/below')).isDirectory());
});

test('a file in the way, and a file system that takes no folders, are errors', () => {
  using temporary = temporaryDirectory();
  const folder = temporary.path;
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => makeFolders(join(folder, 'file/below')), /make folder .*file: file already exists/);
  assert.throws(() => makeFolders(join(folder, 'file')), /make folder .*file: file already exists/);
  assert.throws(() => makeFolders('/proc/varve-test/below'), /make folder \/proc\/varve-test: no such file/);
});

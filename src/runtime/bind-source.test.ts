import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { linuxMounts } from '../host/index.ts';
import { openBindSource } from './bind-source.ts';

const root = { skip: process.getuid?.() !== 0 && 'mounting needs root' };
const mounts = linuxMounts();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync('/var/tmp/varve-bind-');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('what was opened is bound, not what was checked', root, () => {
  writeFileSync(join(folder, 'chosen'), 'chosen');
  writeFileSync(join(folder, 'secret'), 'secret');
  using opened = openBindSource(join(folder, 'chosen'), { mounts, place: join(folder, 'place') });
  renameSync(join(folder, 'chosen'), join(folder, 'away'));
  symlinkSync('secret', join(folder, 'chosen'));
  assert.equal(opened.kind, 'file');
  assert.equal(readFileSync(opened.source, 'utf8'), 'chosen');
});

test('a directory is bound with what is in it, and the place is gone afterwards', root, () => {
  mkdirSync(join(folder, 'directory/inner'), { recursive: true });
  symlinkSync('directory', join(folder, 'link'));
  const opened = openBindSource(join(folder, 'link'), { mounts, place: join(folder, 'place') });
  assert.equal(opened.kind, 'dir');
  assert.deepEqual(readdirSync(opened.source), ['inner']);
  opened.close();
  opened.close();
  assert.ok(!existsSync(opened.source));
});

test('a source that is not there is named, and nothing is left', root, () => {
  const path = join(folder, 'missing');
  const message = `mount ${path} into the container: there is no such file or directory`;
  const options = { mounts, place: join(folder, 'place') };
  assert.throws(() => openBindSource(path, options), { name: 'Fault', code: 'not-found', message });
  assert.deepEqual(readdirSync(folder), []);
});

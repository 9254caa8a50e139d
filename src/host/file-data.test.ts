import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { beginWriteback, copyRange, dataExtents, punchHole } from './file-data.ts';
import { fileSystemOf } from './file-system.ts';
import { openPipe } from './pipe.ts';
import { renameNew, syncFileSystem, syncPath } from './publish.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

const mebibyte = 1 << 20;

test('the data of a sparse file is found, its holes are not', () => {
  using dir = temporaryDirectory('/var/tmp');
  const fd = openSync(join(dir.path, 'f'), 'w+');
  assert.deepEqual(dataExtents(fd), []);
  ftruncateSync(fd, 5 * 1024 * mebibyte);
  assert.deepEqual(dataExtents(fd), []);
  writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, mebibyte);
  writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 4608 * mebibyte);
  const expected = [
    { offset: mebibyte, length: 4096 },
    { offset: 4608 * mebibyte, length: 4096 },
  ];
  assert.deepEqual(dataExtents(fd), expected);
  punchHole(fd, mebibyte, 4096);
  assert.deepEqual(dataExtents(fd), expected.slice(1));
  closeSync(fd);
});

test('a stretch is copied, within a filesystem and between two, up to the end of the source', () => {
  using dir = temporaryDirectory('/var/tmp');
  writeFileSync(join(dir.path, 'from'), 'abcdefgh');
  const to = openSync(join(dir.path, 'to'), 'w+');
  const from = openSync(join(dir.path, 'from'), 'r');
  assert.equal(copyRange({ from, fromOffset: 2, to, toOffset: 1, length: 3 }), 3);
  assert.equal(copyRange({ from, fromOffset: 6, to, toOffset: 4, length: 100 }), 2);
  assert.equal(readFileSync(join(dir.path, 'to'), 'latin1'), '\0cdegh');
  assert.equal(readSync(from, Buffer.alloc(1)), 1);
  const kernel = openSync('/proc/version', 'r');
  assert.ok(copyRange({ from: kernel, fromOffset: 0, to, toOffset: 0, length: 4096 }) > 10);
  assert.match(readFileSync(join(dir.path, 'to'), 'latin1'), /^Linux version/);
  for (const fd of [from, to, kernel]) closeSync(fd);
});

test('a rename to a new name never replaces', () => {
  using dir = temporaryDirectory();
  const [a, c] = [join(dir.path, 'a'), join(dir.path, 'c')];
  writeFileSync(a, 'a');
  writeFileSync(c, 'c');
  assert.throws(
    () => renameNew(a, c),
    (error) => Fault.is(error, 'already-exists'),
  );
  renameNew(a, join(dir.path, 'd'));
  assert.equal(readFileSync(join(dir.path, 'd'), 'latin1'), 'a');
});

test('files, directories and filesystems are brought to disk', () => {
  using dir = temporaryDirectory();
  const file = join(dir.path, 'f');
  writeFileSync(file, 'x');
  mkdirSync(join(dir.path, 'd'));
  for (const path of [file, join(dir.path, 'd')]) syncPath(path);
  syncFileSystem(file);
  assert.throws(
    () => syncPath(join(dir.path, 'no')),
    (error) => Fault.is(error, 'not-found'),
  );
});

test('a file that is on its way to the disk is written on as before; a pipe has no way there, and no error', () => {
  using dir = temporaryDirectory('/var/tmp');
  const file = join(dir.path, 'f');
  const fd = openSync(file, 'wx');
  for (const part of ['a', 'b', 'c']) {
    writeSync(fd, part.repeat(100_000));
    beginWriteback(fd);
  }
  closeSync(fd);
  assert.equal(readFileSync(file, 'latin1').replaceAll(/(.)\1*/g, '$1'), 'abc');
  const pipe = openPipe();
  beginWriteback(pipe.writer);
  for (const end of [pipe.reader, pipe.writer]) closeSync(end);
});

test('a filesystem has a type and room', () => {
  assert.equal(fileSystemOf('/proc').type, 'proc');
  const { totalBytes, availableBytes, blockSizeBytes } = fileSystemOf('/var/tmp');
  assert.ok(totalBytes >= availableBytes && availableBytes > 0 && blockSizeBytes > 0);
  assert.throws(
    () => fileSystemOf('/no/such'),
    (error) => Fault.is(error, 'not-found'),
  );
});

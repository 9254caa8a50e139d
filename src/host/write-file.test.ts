import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { writeWholeFile, type WriteChunk } from './write-file.ts';

test('a file gets its name when it is complete', async () => {
  using folder = temporaryDirectory();
  const file = join(folder.path, 'f');
  writeFileSync(file, 'before');
  await writeWholeFile(file, async (write) => {
    await write(Buffer.from('one '));
    assert.equal(readFileSync(file, 'utf8'), 'before');
    await write(Buffer.from('two'));
  });
  assert.equal(readFileSync(file, 'utf8'), 'one two');
  assert.deepEqual(readdirSync(folder.path), ['f']);
});

test('where making it fails nothing is left behind, and what was there stays', async () => {
  using folder = temporaryDirectory();
  const file = join(folder.path, 'f');
  writeFileSync(file, 'before');
  await assert.rejects(writeWholeFile(file, halfOfIt), (error) => Fault.is(error, 'corrupt'));
  assert.equal(readFileSync(file, 'utf8'), 'before');
  assert.deepEqual(readdirSync(folder.path), ['f']);
});

test('a folder is refused, a symlink is replaced, and a name may be as long as names are', async () => {
  using folder = temporaryDirectory();
  mkdirSync(join(folder.path, 'd'));
  await assert.rejects(writeWholeFile(join(folder.path, 'd'), hello), (error) => Fault.is(error, 'invalid'));
  writeFileSync(join(folder.path, 'elsewhere'), 'kept');
  const link = join(folder.path, 'link');
  symlinkSync('elsewhere', link);
  await writeWholeFile(link, hello);
  assert.ok(lstatSync(link).isFile());
  assert.equal(readFileSync(join(folder.path, 'elsewhere'), 'utf8'), 'kept');
  await writeWholeFile(join(folder.path, 'n'.repeat(255)), hello);
});

test('what keeps a file from being written is said of its own name', async () => {
  using folder = temporaryDirectory();
  const file = join(folder.path, 'none/f');
  await assert.rejects(writeWholeFile(file, hello), {
    code: 'not-found',
    message: `write ${file}: no such file or directory (ENOENT)`,
  });
});

test('a pipe is written as it is', async () => {
  using folder = temporaryDirectory();
  const pipe = join(folder.path, 'p');
  execFileSync('mkfifo', [pipe]);
  const [read] = await Promise.all([readFile(pipe, 'utf8'), writeWholeFile(pipe, hello)]);
  assert.equal(read, 'hello');
  assert.ok(lstatSync(pipe).isFIFO());
});

test('/dev/stdout stays what it is where a shell redirects it into a file', () => {
  using folder = temporaryDirectory();
  const program = `import { writeWholeFile } from '${join(import.meta.dirname, 'write-file.ts')}';
    await writeWholeFile('/dev/stdout', (write) => write(Buffer.from('hello')));`;
  const file = join(folder.path, 'out');
  const command = '"$1" --input-type=module --eval "$2" >"$3"';
  const { status, stderr } = spawnSync('sh', ['-c', command, 'sh', process.execPath, program, file], {
    encoding: 'utf8',
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.equal(readFileSync(file, 'utf8'), 'hello');
  assert.ok(lstatSync('/dev/stdout').isSymbolicLink());
});

function hello(write: WriteChunk): Promise<void> {
  return write(Buffer.from('hello'));
}

async function halfOfIt(write: WriteChunk): Promise<void> {
  await write(Buffer.from('half'));
  throw new Fault('corrupt', 'no more');
}

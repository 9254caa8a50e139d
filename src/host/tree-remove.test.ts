import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { bytesOf } from '../std/index.ts';
import { namesIn, openDirectoryAt } from './directory-entry.ts';
import { closeFd } from './libc.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { Tree } from './tree.ts';

test('a directory that is removed while it is open has no names', () => {
  using dir = temporaryDirectory();
  using tree = Tree.open(dir.path);
  const path = join(dir.path, 'work');
  mkdirSync(path);
  const fd = openDirectoryAt(atCwd, bytesOf(path), bytesOf(path));
  rmdirSync(path);
  assert.deepEqual(namesIn(fd, bytesOf('work')), []);
  closeFd(fd);
  assert.deepEqual(tree.list(bytesOf('')), []);
});

test('two that remove the same tree at once both succeed', async () => {
  using dir = temporaryDirectory();
  const top = join(dir.path, 'top');
  for (let outer = 0; outer < 40; outer++) {
    for (let inner = 0; inner < 10; inner++) {
      mkdirSync(join(top, `${outer}/${inner}`), { recursive: true });
      writeFileSync(join(top, `${outer}/${inner}/file`), '');
    }
  }
  const ends = await Promise.all([remover(dir.path), remover(dir.path), remover(dir.path)]);
  assert.deepEqual(ends, ['', '', '']);
  assert.equal(existsSync(top), false);
});

test('what is put in while a directory is emptied goes as well', async () => {
  using dir = temporaryDirectory();
  const top = join(dir.path, 'top');
  mkdirSync(top);
  const writer = spawn(
    '/bin/sh',
    ['-c', 'cd "$0" && i=0; while [ $i -lt 400 ]; do i=$((i + 1)); : > $i || exit; done', top],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  const ended = once(writer, 'close');
  while (!existsSync(join(top, '50'))) await setTimeout(1);
  assert.equal(await remover(dir.path), '');
  await ended;
  assert.equal(existsSync(top), false);
});

const atCwd = -100;

/** What another process said that removed `top` below `path`. */
async function remover(path: string): Promise<string> {
  const program = `
    const { Tree } = await import(${JSON.stringify(join(import.meta.dirname, 'tree.ts'))});
    using tree = Tree.open(${JSON.stringify(path)});
    tree.remove('top');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = child.stderr.setEncoding('utf8').toArray();
  await once(child, 'close');
  return (await said).join('');
}

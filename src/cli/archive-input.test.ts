import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { takeArchive } from './archive-input.ts';
import { unreadableFile } from './unreadable-file.ts';

test('what is wrong with an archive is said of the file, or of standard input', async () => {
  using folder = ownFolder();
  const file = join(folder.path, 'cut.tar');
  writeFileSync(file, 'junk');
  await assert.rejects(load(file), { code: 'corrupt', message: `load ${file}: read tar: it is cut off` });
  await assert.rejects(load('-'), { code: 'corrupt', message: 'load standard input: read tar: it is cut off' });
});

test('a file that cannot be read says why, and what to do', async () => {
  using folder = ownFolder();
  mkdirSync(join(folder.path, 'd'));
  writeFileSync(join(folder.path, 'f'), '');
  for (const missing of ['none', 'f/x'].map((name) => join(folder.path, name))) {
    await assert.rejects(load(missing), {
      code: 'not-found',
      message: `load ${missing}: no such file`,
      hint: 'check the path',
    });
  }
  const directory = join(folder.path, 'd');
  await assert.rejects(load(directory), { code: 'invalid', message: `load ${directory}: it is a folder` });
  const denied = unreadableFile('read x', Object.assign(new Error('EACCES: …'), { code: 'EACCES' }));
  assert.deepEqual([denied.code, denied.message], ['denied', 'read x: permission denied']);
});

test('a load that was stopped says that, and a mistake in the program is not dressed up', async () => {
  for (const error of [new Fault('cancelled', 'load: cancelled'), new TypeError('x is undefined')]) {
    const take = (): Promise<never> => Promise.reject(error);
    await assert.rejects(takeArchive('-', { during: 'load', stdin: junk, take }), error);
  }
});

function load(file: string): Promise<never> {
  return takeArchive(file, { during: 'load', stdin: junk, take: refuse });
}

async function refuse(archive: AsyncIterable<Uint8Array>): Promise<never> {
  for await (const chunk of archive) assert.equal(chunk.toString(), 'junk');
  throw new Fault('corrupt', 'read tar: it is cut off');
}

function junk(): Readable {
  return Readable.from([Buffer.from('junk')]);
}

function ownFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

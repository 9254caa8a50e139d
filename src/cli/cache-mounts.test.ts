import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from './terminal.fixture.ts';

test('export refuses a terminal, and a file that failed is not left behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'out.tar');
  const refused = await runCli(['cache', 'mounts', 'export', '/var/cache/apt'], { stdoutIsTty: true });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /refusing to save to a terminal/);
  assert.equal((await runCli(['cache', 'mounts', 'export', '-o', file, 'nope'])).code, 1);
  assert.deepEqual(readdirSync(folder), []);
  assert.equal((await runCli(['cache', 'mounts', 'export', '-o', file, '/var/cache/apt'])).code, 0);
  assert.equal(readFileSync(file, 'utf8'), 'the tar');
});

test('import takes a file or standard input, and says the key', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'in.tar'), 'from a file');
  const file = await runCli(['cache', 'mounts', 'import', 'a', join(folder, 'in.tar')]);
  assert.deepEqual([file.code, file.stdout], [0, '3f5a0c9e17bb42d08f1e6a5b9c0d7e21\n']);
  const input = await runCli(['cache', 'mounts', 'import', 'b', '-'], { stdin: 'from stdin' });
  assert.deepEqual(
    [...file.fake.calls, ...input.fake.calls],
    [
      ['importCache', 'a', 'from a file'],
      ['importCache', 'b', 'from stdin'],
    ],
  );
  const missing = await runCli(['cache', 'mounts', 'import', 'c', join(folder, 'none')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^Error: import .*none: no such file\n/);
  assert.equal(existsSync(join(folder, 'none')), false);
});

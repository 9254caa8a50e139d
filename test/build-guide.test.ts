/** Every block of `docs/build.md` that is for a shell runs, one after the other. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsRoot, program, repository, runProgram, TestStore } from './test-store.ts';

test('the examples of docs/build.md run as they stand', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const guide = readFileSync(join(repository, 'docs/build.md'), 'utf8');
  const blocks = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  assert.ok(blocks.length > 10);
  const script = join(store.folder, 'guide.sh');
  writeFileSync(script, `set -e\n${blocks.map((block, index) => `echo "block ${index + 1}"\n${block}`).join('')}`);
  const bin = join(store.folder, 'bin');
  const cwd = join(store.folder, 'guide');
  for (const folder of [bin, cwd]) mkdirSync(folder);
  symlinkSync(program, join(bin, 'varve'));
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    VARVE_ROOT: store.root,
    VARVE_RUN_ROOT: store.runRoot,
  };
  const { code, stdout, stderr } = await runProgram('sh', [script], { cwd, env });
  assert.equal(code, 0, `${stdout}${stderr}`);
});

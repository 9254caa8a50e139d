import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository, runProgram } from './test-store.ts';

test('a program that waits for what never comes says so, and does not succeed', async () => {
  const neverExits = 'data:text/javascript,process.exit=()=>undefined';
  const main = join(repository, 'src/main.ts');
  const ended = await runProgram(process.execPath, [
    '--import',
    neverExits,
    main,
    'version',
    '--format',
    '{{.Version}}',
  ]);
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /^Error: internal: the program waits for something/m);
});

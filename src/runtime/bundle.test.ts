import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { writeBundle } from './bundle.ts';
import type { RuntimeSpec } from './runtime-spec.ts';

test('no limit is written as the number that the kernel has for it', () => {
  using folder = temporaryDirectory();
  const rlimits = [{ type: 'RLIMIT_CORE', soft: 5, hard: Infinity }];
  writeBundle(join(folder.path, 'bundle'), { process: { rlimits }, mounts: [] } as unknown as RuntimeSpec);
  const path = join(folder.path, 'bundle/config.json');
  const written = '{"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":5,"hard":18446744073709551615}]},"mounts":[]}';
  assert.equal(readFileSync(path, 'utf8'), written);
  assert.equal(statSync(path).mode & 0o7777, 0o600);
});

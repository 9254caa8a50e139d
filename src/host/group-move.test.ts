import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cgroupLayout } from './cgroups.ts';
import { expectGroupMove } from './group-move.ts';

const skip =
  process.getuid?.() !== 0 ? 'needs root' : cgroupLayout().kind === 'none' && 'there are no control groups here';

test('to expect a move moves nobody: this process stays in its groups', { skip }, async () => {
  const before = readFileSync('/proc/self/cgroup', 'utf8');
  await expectGroupMove();
  assert.equal(readFileSync('/proc/self/cgroup', 'utf8'), before);
});

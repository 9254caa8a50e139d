import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { isArchive } from './build-context-stream.ts';

/** The first bytes of what a script writes. */
function head(script: string): Uint8Array {
  const { status, stdout, stderr } = spawnSync('bash', ['-euc', `set -o pipefail; ${script}`]);
  assert.equal(status, 0, stderr.toString());
  return stdout.subarray(0, 512);
}

const archives = [
  'tar -cf - /etc/hostname',
  'tar --format=v7 -cf - /etc/hostname',
  'tar --format=posix --pax-option=comment=x -cf - /etc/hostname',
  String.raw`tar --transform="s/.*/$(printf %0200d 1)/" -cf - /etc/hostname`,
  'tar -czf - /etc/hostname',
  'tar -cjf - /etc/hostname',
  'tar -cJf - /etc/hostname',
  'tar --zstd -cf - /etc/hostname',
];
for (const script of archives) test(`an archive: ${script}`, () => assert.equal(isArchive(head(script)), true));

const others = [
  'echo FROM scratch',
  'yes "# a long comment" | head -c 4096 || true',
  'head -c 1024 /dev/zero',
  'head -c 1024 /dev/zero | tr "\\0" "\\377"',
  'printf "BZh"',
  'true',
];
for (const script of others) test(`no archive: ${script}`, () => assert.equal(isArchive(head(script)), false));

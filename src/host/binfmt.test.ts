import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { emulatorFor } from './binfmt.ts';

/** As the kernel shows what Debian's qemu-user-static registers. */
function handler(flags: string, state = 'enabled'): string {
  return [
    state,
    'interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P',
    `flags: ${flags}`,
    'offset 0',
    'magic 7f454c460201010000000000000000000200b700',
    'mask ffffffffffffff00fffffffffffffffffeffffff',
    '',
  ].join('\n');
}

function found(files: Readonly<Record<string, string>>, architecture = 'arm64'): string {
  const folder = mkdtempSync(join(tmpdir(), 'varve-binfmt-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return emulatorFor(architecture, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('an emulator is usable in containers when it was opened at its registration', () => {
  assert.equal(found({ status: 'enabled\n', 'qemu-aarch64': handler('POCF') }), 'usable');
  assert.equal(found({ status: 'enabled\n', 'qemu-aarch64': handler('POC') }), 'outside');
  assert.equal(found({ status: 'enabled\n', a: handler(''), b: handler('F') }), 'usable');
});

test('what is off, for another architecture or not there is missing', () => {
  assert.equal(found({ status: 'disabled\n', 'qemu-aarch64': handler('F') }), 'missing');
  assert.equal(found({ status: 'enabled\n', 'qemu-aarch64': handler('F', 'disabled') }), 'missing');
  assert.equal(found({ status: 'enabled\n', 'qemu-aarch64': handler('F') }, 'arm'), 'missing');
  assert.equal(found({ status: 'enabled\n', 'qemu-aarch64': handler('F') }, 'pdp11'), 'missing');
  assert.equal(found({ status: 'enabled\n', java: 'enabled\ninterpreter /x\nflags: F\nextension .jar\n' }), 'missing');
  assert.equal(emulatorFor('arm64', '/nowhere'), 'missing');
});

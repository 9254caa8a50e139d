import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absentArchitectures } from './kernel-architectures.ts';

const full = '\nCONFIG_X86_64=y\nCONFIG_IA32_EMULATION=y\nCONFIG_X86_X32_ABI=y\n';

test('an architecture is named only where the kernel certainly does not execute it', () => {
  assert.deepEqual(absentArchitectures(full, 'quiet'), []);
  assert.deepEqual(absentArchitectures(undefined, ''), []);
  assert.deepEqual(absentArchitectures('\nCONFIG_ARM64=y\n', ''), []);
  assert.deepEqual(absentArchitectures('\nCONFIG_X86_64=y\n', ''), ['SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
});

test('x32 may be switched on and off when the kernel starts', () => {
  assert.deepEqual(absentArchitectures(full, 'quiet syscall.x32=n'), ['SCMP_ARCH_X32']);
  assert.deepEqual(absentArchitectures(`${full}CONFIG_X86_X32_DISABLED=y\n`, ''), ['SCMP_ARCH_X32']);
  assert.deepEqual(absentArchitectures(`${full}CONFIG_X86_X32_DISABLED=y\n`, 'syscall.x32=y'), []);
});

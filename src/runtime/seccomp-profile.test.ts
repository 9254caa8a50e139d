import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultCapabilities } from './capabilities.ts';
import type { SeccompTarget } from './seccomp-profile.ts';
import { parseSeccompProfile, resolveSeccomp, seccompProfilePaths } from './seccomp-profile.ts';

const target = { architecture: 'amd64', kernelRelease: '6.1.0-13-amd64', capabilities: defaultCapabilities };

const small = profile([
  { names: ['read'], action: 'SCMP_ACT_ALLOW' },
  { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
  { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, excludes: { caps: ['CAP_SYS_ADMIN'] } },
  { names: ['arm_fadvise64_64'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm', 'arm64'] } },
  { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
  { names: ['s390'], action: 'SCMP_ACT_ALLOW', excludes: { arches: ['amd64'] } },
  { names: ['old'], action: 'SCMP_ACT_ALLOW', excludes: { minKernel: '5.0' } },
  { name: 'personality', action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' }] },
]);

test('a rule holds where its architecture, kernel and capabilities are', () => {
  assert.deepEqual(namesFor({}), ['read', 'bpf', 'ptrace', 'personality']);
  assert.deepEqual(namesFor({ kernelRelease: '4.4.0' }), ['read', 'bpf', 'old', 'personality']);
  assert.deepEqual(namesFor({ architecture: 'arm64' }), [
    'read',
    'bpf',
    'arm_fadvise64_64',
    'ptrace',
    's390',
    'personality',
  ]);
});

test('a capability turns its refusals into permissions', () => {
  assert.deepEqual(bpfActions([]), [['SCMP_ACT_ERRNO', 1]]);
  assert.deepEqual(bpfActions(['CAP_SYS_ADMIN']), [['SCMP_ACT_ALLOW', undefined]]);
});

test('the filter covers the architectures that the kernel executes', () => {
  const both = resolveSeccomp(small, target).architectures;
  assert.deepEqual(both, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
  const without = resolveSeccomp(small, { ...target, absentArchitectures: ['SCMP_ARCH_X32'] }).architectures;
  assert.deepEqual(without, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
});

test('conditions on arguments stay, without the second value that none of them uses', () => {
  assert.deepEqual(resolveSeccomp(small, target).syscalls.at(-1), {
    names: ['personality'],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }],
  });
});

test('what is no profile is refused with the place of the fault', () => {
  const cases = [
    ['{', /not JSON/],
    ['[]', /profile is not an object/],
    ['{}', /defaultAction is not a string/],
    ['{"defaultAction":"x","syscalls":[{"names":["a"],"action":1}]}', /syscalls\[0\]\.action is not a string/],
    [`"${'x'.repeat(2 ** 20)}"`, /more than 1048576 bytes/],
  ] as const;
  for (const [text, message] of cases) assert.throws(() => parseSeccompProfile(text), { code: 'invalid', message });
  assert.throws(() => resolveSeccomp(small, { ...target, architecture: 'vax' }), {
    code: 'unsupported',
    message: /vax/,
  });
});

const installed = seccompProfilePaths.find((path) => existsSync(path));

test(
  'the distributed profile allows no call that a default container must not make',
  { skip: installed === undefined && 'no seccomp profile is installed' },
  () => {
    const { syscalls } = resolveSeccomp(parseSeccompProfile(readFileSync(installed ?? '', 'utf8')), target);
    const allowed = new Set(syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW').flatMap((rule) => rule.names));
    for (const call of ['read', 'execve', 'clone3', 'ptrace']) assert.ok(allowed.has(call), call);
    for (const call of [
      'kexec_load',
      'bpf',
      'init_module',
      'setdomainname',
      'quotactl',
      'open_by_handle_at',
      'vmsplice',
    ]) {
      assert.ok(!allowed.has(call), call);
    }
  },
);

function namesFor(change: Partial<SeccompTarget>) {
  return resolveSeccomp(small, { ...target, ...change }).syscalls.map((rule) => rule.names[0]);
}

function bpfActions(capabilities: readonly string[]) {
  const rules = resolveSeccomp(small, { ...target, capabilities }).syscalls;
  return rules.filter((rule) => rule.names[0] === 'bpf').map((rule) => [rule.action, rule.errnoRet]);
}

function profile(syscalls: readonly object[]) {
  const archMap = [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }];
  return parseSeccompProfile(
    JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38, archMap, syscalls }),
  );
}

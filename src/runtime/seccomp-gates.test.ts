import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultCapabilities } from './capabilities.ts';
import { withDockerGates } from './seccomp-gates.ts';
import { parseSeccompProfile, resolveSeccomp, seccompProfilePaths } from './seccomp-profile.ts';

const permissive = parseSeccompProfile(
  JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [
      { names: ['read', 'mount', 'clone', 'clone3', 'bpf', 'socket'], action: 'SCMP_ACT_ALLOW' },
      { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_BPF'] } },
    ],
  }),
);

test('calls that Docker gates need their capability', () => {
  assert.deepEqual(verdicts([]), {
    read: ['ALLOW'],
    bpf: ['ALLOW'],
    clone: ['ALLOW if 0 MASKED_EQ 2114060288'],
    clone3: ['ERRNO 38'],
    socket: ['ALLOW if 0 NE 40'],
  });
  assert.equal(withDockerGates(permissive).defaultErrnoRet, 1);
  const held = verdicts(['CAP_SYS_ADMIN']);
  assert.deepEqual([held['mount'], held['clone'], held['clone3']], [['ALLOW'], ['ALLOW'], ['ALLOW']]);
});

test('a call that the profile does not allow stays refused', () => {
  assert.equal(verdicts(['CAP_SYS_ADMIN', 'CAP_SYS_BOOT'])['reboot'], undefined);
});

const installed = seccompProfilePaths.find((path) => existsSync(path));
const skip = installed === undefined && 'no seccomp profile is installed';

test('the distributed profile decides no call twice for a default container', { skip }, () => {
  const profile = withDockerGates(parseSeccompProfile(readFileSync(installed ?? '', 'utf8')));
  const { syscalls } = resolveSeccomp(profile, { ...target, capabilities: defaultCapabilities });
  const unconditional = syscalls.filter((rule) => rule.args === undefined).flatMap((rule) => rule.names);
  const doubled = unconditional.filter((name, index) => unconditional.indexOf(name) !== index);
  assert.deepEqual(doubled, []);
});

const target = { architecture: 'amd64', kernelRelease: '6.1.0' };

function verdicts(capabilities: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const rule of resolveSeccomp(withDockerGates(permissive), { ...target, capabilities }).syscalls) {
    const conditions = (rule.args ?? []).map((arg) => ` if ${arg.index} ${arg.op.slice(9)} ${arg.value}`).join('');
    const verdict = `${rule.action.slice(9)} ${rule.errnoRet ?? ''}`.trim() + conditions;
    for (const name of rule.names) (found[name] ??= []).push(verdict);
  }
  return found;
}

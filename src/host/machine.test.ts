import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { cgroupLayout, describeLayout } from './cgroups.ts';
import { errnoFault, errnoOf, faulting } from './errno.ts';
import { kernelVersion, machineFacts } from './machine.ts';
import { parseMountInfo } from './mount-info.ts';
import { parseCapabilities, parseLimits, privileges, resourceLimits } from './privileges.ts';

const v2 = '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw';
const v1 =
  '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n' +
  '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
  '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n' +
  '49 45 0:32 / /chroot/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';
const unified = '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n';

test('the layout of control groups is told from the mounts: v1, hybrid, v2, none', () => {
  const root = '/sys/fs/cgroup';
  const separate = { cpu: `${root}/cpu,cpuacct`, cpuacct: `${root}/cpu,cpuacct`, memory: `${root}/memory` };
  assert.deepEqual(layout(v1), ['v1', separate, undefined]);
  assert.deepEqual(layout(v1 + unified), ['hybrid', separate, `${root}/unified`]);
  assert.deepEqual(layout(v2, ['pids', 'memory']), ['v2', { pids: root, memory: root }, root]);
  assert.deepEqual(layout(''), ['none', {}, undefined]);
  assert.ok(['v1', 'hybrid', 'v2', 'none'].includes(cgroupLayout().kind));
});

test('capabilities are read by name', () => {
  assert.deepEqual([...parseCapabilities('0000000000000001')], ['CAP_CHOWN']);
  assert.deepEqual([...parseCapabilities('8000010000200000')], ['CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE', 'CAP_63']);
  assert.equal(parseCapabilities('000001ffffffffff').size, 41);
  const own = privileges();
  assert.equal(own.euid, process.geteuid?.());
  assert.equal(typeof own.userNamespace, 'boolean');
});

test('limits are read by the names of a bundle', () => {
  const limits = resourceLimits();
  assert.equal(limits.size, 16);
  const open = limits.get('RLIMIT_NOFILE');
  assert.ok(open !== undefined && open.soft > 0 && open.soft <= open.hard);
  const table = readFileSync('/proc/self/limits', 'latin1').replace(
    /^Max open files.*$/m,
    'Max open files  7  unlimited  files',
  );
  assert.deepEqual(parseLimits(table).get('RLIMIT_NOFILE'), { soft: 7, hard: Infinity });
  assert.throws(
    () => parseLimits(''),
    (error) => Fault.is(error, 'internal'),
  );
});

test('the machine is described', () => {
  const facts = machineFacts();
  assert.ok(facts.cpus > 0 && facts.totalMemoryBytes >= facts.availableMemoryBytes && facts.kernelVersion.major >= 5);
  assert.deepEqual(kernelVersion('6.18.44-x'), { major: 6, minor: 18 });
  assert.deepEqual(kernelVersion('strange'), { major: 0, minor: 0 });
});

test('an errno becomes a fault that names call, path and errno', () => {
  const { ENOENT, EEXIST, EACCES, ENOSPC, EDQUOT, EBUSY, EINVAL, EIO } = constants.errno;
  const codes = [ENOENT, EEXIST, EACCES, ENOSPC, EDQUOT, EBUSY, EINVAL, EIO, 15, 117, 9999].map((errno) => {
    return errnoFault(errno, 'do', bytesOf('it')).code;
  });
  const expected =
    'not-found already-exists denied exhausted exhausted conflict unsupported corrupt unsupported corrupt internal';
  assert.equal(codes.join(' '), expected);
  const fault = errnoFault(ENOENT, 'open', bytesOf('a\nb'), 'detail');
  assert.equal(fault.message, 'open a\\x0ab: no such file or directory (ENOENT): detail');
  assert.equal(errnoOf(Fault.wrap('build', fault)), 'ENOENT');
  assert.throws(
    () => faulting('read', bytesOf('x'), () => readFileSync('/no/x')),
    (error) => Fault.is(error, 'not-found') && errnoOf(error) === 'ENOENT',
  );
  assert.equal(errnoOf(new Error('plain')), undefined);
});

function layout(text: string, controllers: readonly string[] = []): unknown {
  const found = describeLayout(parseMountInfo(bytesOf(text)), () => controllers);
  return [found.kind, Object.fromEntries(found.controllers), found.unified];
}

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cgroupLayout, fileSystemOf, findExecutable, linuxMounts, type CgroupLayout } from '../host/index.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { crun } from './crun-program.ts';
import { runc } from './runc-program.ts';
import { systemRuntimes } from './system-runtimes.ts';

const noCrun = findExecutable('crun') === undefined && 'crun is not installed';
const noRunc = findExecutable('runc') === undefined && 'runc is not installed';

test('crun is taken before runc, and nothing is run to find that out', { skip: noCrun || noRunc }, () => {
  using folder = temporaryDirectory();
  const runtimes = systemRuntimes({ runRoot: folder.path });
  assert.equal(runtimes.choose().name, 'crun');
  assert.equal(runtimes.chosenName(), 'crun');
  assert.deepEqual(runtimes.passedOver(), []);
  assert.equal(runtimes.choose('runc').name, 'runc');
});

test('what was asked for is taken, by name or by path, and found again by what was asked', { skip: noRunc }, () => {
  using folder = temporaryDirectory();
  mkdirSync(join(folder.path, 'bin'));
  const path = join(folder.path, 'bin/runc');
  symlinkSync(findExecutable('runc') ?? '', path);
  const runtimes = systemRuntimes({ runRoot: folder.path, wanted: path });
  assert.deepEqual([runtimes.choose().executable, runtimes.chosenName()], [path, path]);
  assert.deepEqual(runtimes.choose().stateDir, systemRuntimes({ runRoot: folder.path }).choose('runc').stateDir);
});

test('a runtime that is missing names the package that has it; an unknown one is refused', () => {
  using folder = temporaryDirectory();
  const choose = (wanted: string) => systemRuntimes({ runRoot: folder.path, wanted }).choose();
  assert.throws(() => choose('/nowhere/runc'), { code: 'unavailable', hint: 'apt-get install runc' });
  assert.throws(() => choose('/nowhere/crun'), { code: 'unavailable', hint: 'apt-get install crun' });
  for (const wanted of ['kata', './crun', '']) assert.throws(() => choose(wanted), { code: 'invalid' }, wanted);
});

test('states are found without any program, and by whose they are', { skip: noCrun || noRunc }, () => {
  using folder = temporaryDirectory();
  const runtimes = systemRuntimes({ runRoot: folder.path });
  assert.deepEqual(runtimes.ids(), []);
  assert.ok(!existsSync(join(folder.path, 'crun')));
  for (const name of ['runc/b', 'crun/a', 'crun/.cache']) mkdirSync(join(folder.path, name), { recursive: true });
  assert.deepEqual(runtimes.ids(), ['a', 'b']);
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => runtimes.holding(id)?.name),
    ['crun', 'runc', undefined],
  );
  assert.equal(runtimes.holding('a', '/nowhere/crun')?.executable, runtimes.choose('crun').executable);
});

test('secrets are handed to a runtime that copies them to no disk', { skip: noCrun || noRunc }, () => {
  using folder = temporaryDirectory('/var/tmp');
  const onDisk = !['tmpfs', 'ramfs'].includes(fileSystemOf(folder.path).type);
  const runtimes = systemRuntimes({ runRoot: folder.path, wanted: 'crun' });
  assert.equal(runtimes.chooseDiscreet().name, onDisk ? 'runc' : 'crun');
  const memory = join(folder.path, 'memory');
  mkdirSync(memory);
  using mount = linuxMounts().tmpfs({ sizeBytes: 65_536 });
  linuxMounts().attach(mount, memory);
  try {
    assert.equal(systemRuntimes({ runRoot: memory, wanted: 'crun' }).chooseDiscreet().name, 'crun');
  } finally {
    linuxMounts().unmount(memory, { detach: true });
  }
});

test('a unified tree beside separate ones is hidden from crun, which runs nothing where it has a controller', () => {
  const besides = '/sys/fs/cgroup/unified';
  assert.deepEqual(crun.hiddenMounts(layout('hybrid', besides)), [besides]);
  assert.deepEqual(crun.hiddenMounts(layout('hybrid', '/run/elsewhere')), []);
  assert.deepEqual(crun.hiddenMounts(layout('v1')), []);
  assert.deepEqual(crun.hiddenMounts(layout('v2', '/sys/fs/cgroup')), []);
  assert.deepEqual(runc.hiddenMounts(cgroupLayout()), []);
  assert.match(crun.obstacle(layout('none')) ?? '', /none are mounted/);
});

function layout(kind: CgroupLayout['kind'], unified?: string): CgroupLayout {
  return { kind, controllers: new Map(), unified };
}

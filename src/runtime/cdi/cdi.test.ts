import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../host/temporary-directory.fixture.ts';
import { Fault } from '../../errors/index.ts';
import { cdiOptions } from './cdi-options.ts';
import { readCdi, type CdiRegistry } from './cdi-registry.ts';
import { parseCdi } from './parse-cdi.ts';

const yaml = `
cdiVersion: "0.6.0"
kind: "vendor1.com/device"
annotations:
  org.mobyproject.buildkit.device.class: all
containerEdits:
  env: [COMMON=1]
devices:
- name: foo
  annotations: {org.mobyproject.buildkit.device.autoallow: "true"}
  containerEdits:
    env:
    - FOO=injected
    deviceNodes:
    - {path: /dev/renamed, hostPath: /dev/null, permissions: rw}
- name: "1"
  containerEdits:
    additionalGids: [44, 0]
    mounts:
    - {hostPath: /etc/hostname, containerPath: /vendor/name, options: [ro, nosuid, nodev, bind]}
`;

const json = {
  cdiVersion: '1.0.0',
  kind: 'vendor2.com/gpu',
  devices: [{ name: 'all', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/usr/bin/x' }] } }],
};

interface Machine {
  readonly registry: CdiRegistry;
}

async function machine(files: Readonly<Record<string, string>>): Promise<Machine> {
  using folder = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder.path, name, '..'), { recursive: true });
    writeFileSync(join(folder.path, name), content);
  }
  return { registry: await readCdi(['etc', 'run', 'absent'].map((name) => join(folder.path, name))) };
}

function names(registry: CdiRegistry, wanted: string): readonly string[] {
  return registry.find(wanted).map(({ name }) => name);
}

test('a device is found by its name, its class or its kind, in files of YAML and JSON', async () => {
  const { registry } = await machine({ 'etc/v1.yaml': yaml, 'run/v2.json': JSON.stringify(json), 'etc/note.txt': '?' });
  assert.deepEqual(names(registry, 'vendor1.com/device=foo'), ['vendor1.com/device=foo']);
  assert.deepEqual(names(registry, 'vendor1.com/device'), ['vendor1.com/device=1']);
  const both = ['vendor1.com/device=1', 'vendor1.com/device=foo'];
  assert.deepEqual(names(registry, 'vendor1.com/device=*'), both);
  assert.deepEqual(names(registry, 'vendor1.com/device=all'), both);
  assert.deepEqual(names(registry, 'vendor2.com/gpu=all'), ['vendor2.com/gpu=all']);
  assert.deepEqual(names(registry, 'vendor2.com/gpu=none'), []);
  assert.deepEqual(names(registry, 'vendor3.com/gpu'), []);
  for (const wrong of ['', 'gpu', '/dev/kvm', 'vendor.com/', 'vendor.com/a/b']) {
    assert.throws(() => registry.find(wrong), /invalid device/);
  }
  assert.deepEqual(registry.problems, []);
});

test('of two files the one of the later folder counts; two of one folder are a conflict', async () => {
  const other = yaml.replace('FOO=injected', 'FOO=other');
  const { registry } = await machine({ 'etc/a.yaml': yaml, 'run/a.yml': other });
  const [device] = registry.find('vendor1.com/device=foo');
  assert.deepEqual(
    device?.edits.flatMap(({ env }) => env),
    ['COMMON=1', 'FOO=other'],
  );
  const twice = await machine({ 'etc/a.yaml': yaml, 'etc/b.yaml': other });
  assert.throws(() => twice.registry.find('vendor1.com/device=foo'), /described by two files/);
});

test('a file that cannot be read is a problem of its own', async () => {
  const bomb = `a: &a [x,x,x]\n${Array.from({ length: 9 }, (_, i) => `b${i}: &b${i} [${'*a,'.repeat(99)}*a]`).join('\n')}`;
  const { registry } = await machine({
    'etc/bad.json': '{',
    'etc/bad.yaml': 'a: [',
    'etc/bomb.yaml': bomb,
    'etc/good.yaml': yaml,
  });
  assert.equal(registry.problems.length, 3);
  assert.match(registry.problems[0] ?? '', /\/etc\/bad\.json: /);
  assert.equal(registry.find('vendor1.com/device=foo').length, 1);
});

test('what a device adds: variables, nodes with the numbers of the machine, mounts, groups', async () => {
  const { registry } = await machine({ 'etc/v1.yaml': yaml });
  const added = cdiOptions(registry.find('vendor1.com/device=*'), { uid: 1000, gid: 100 });
  assert.deepEqual(added, {
    env: ['COMMON=1', 'COMMON=1', 'FOO=injected'],
    devices: [{ path: '/dev/renamed', type: 'c', major: 1, minor: 3, access: 'rw', uid: 1000, gid: 100 }],
    mounts: [
      {
        kind: 'bind',
        source: '/etc/hostname',
        destination: '/vendor/name',
        readonly: true,
        restrictions: ['nosuid', 'nodev'],
      },
    ],
    additionalGids: [44],
  });
  assert.equal(
    'uid' in (cdiOptions(registry.find('vendor1.com/device=foo'), { uid: 0, gid: 0 }).devices[0] ?? {}),
    false,
  );
});

for (const [edits, message] of [
  [{ hooks: [] }, /device v\.com\/c=d: its description wants hooks/],
  [{ intelRdt: {} }, /wants intelRdt/],
  [{ deviceNodes: [{ path: '/vendor/node', hostPath: '/dev/null' }] }, /not below \/dev/],
  [{ deviceNodes: [{ path: '/dev/no-such-device' }] }, /there is no device \/dev\/no-such-device/],
  [{ deviceNodes: [{ path: '/dev/null', type: 'b' }] }, /of type c, the description says b/],
  [{ mounts: [{ hostPath: '/no/such', containerPath: '/x' }] }, /there is no \/no\/such/],
  [{ mounts: [{ hostPath: '/etc', containerPath: '/x', options: ['uid=0'] }] }, /the option uid=0/],
  [{ mounts: [{ hostPath: 'tmpfs', containerPath: '/x', type: 'tmpfs' }] }, /is not absolute/],
  [{ mounts: [{ hostPath: '/etc', containerPath: '/a/../../x' }] }, /is not absolute/],
  [{ env: ['=x'] }, /variable "=x" cannot be one/],
  [{ env: 'A=1' }, /env of containerEdits is no list/],
  [{ additionalGids: [-1] }, /group -1 is no number/],
] as const) {
  test(`what no container gets is an error that names it: ${JSON.stringify(edits)}`, () => {
    const value = { cdiVersion: '0.6.0', kind: 'v.com/c', devices: [{ name: 'd', containerEdits: edits }] };
    assert.throws(
      () => cdiOptions(parseCdi(value), { uid: 0, gid: 0 }),
      (error) => Fault.is(error) && message.test(error.message),
    );
  });
}

test('a description of another version or form is refused', () => {
  for (const value of [
    undefined,
    [],
    'text',
    { cdiVersion: '0.2.0', kind: 'v.com/c' },
    { cdiVersion: '0.6.0', kind: 'gpu' },
    { cdiVersion: '0.6.0', kind: 'v.com/c', devices: [{ name: 'a b' }] },
  ]) {
    assert.throws(() => parseCdi(value), Fault);
  }
});

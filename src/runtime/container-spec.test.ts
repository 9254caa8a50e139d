import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Compile } from 'typebox/schema';
import { allCapabilities } from './capabilities.ts';
import { containerSpec } from './container-spec.ts';
import type { ContainerMount, ContainerSpecOptions } from './container-options.ts';
import type { NamespaceSpec, RuntimeSpec } from './runtime-spec.ts';
import { loadSchema } from './spec-schema.fixture.ts';

const schemas = join(import.meta.dirname, '../../../shared/data/runtime-schemas');
const noSchemas = !existsSync(schemas) && 'the schemas of the runtime specification are not here';

const plain: ContainerSpecOptions = {
  rootfs: '/run/varve/rootfs',
  args: ['/bin/sh', '-c', 'make'],
  hostname: 'c0ffee',
  network: 'host',
  seccomp: {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' }],
  },
  cgroup: { path: '/varve/c0ffee', layout: { kind: 'hybrid', controllers: controllers('memory', 'cpu', 'pids') } },
};

const cases: Readonly<Record<string, ContainerSpecOptions>> = {
  'build-step': { ...plain, init: '/usr/bin/tini-static', env: ['PATH=/bin', 'A=1', 'A=2'], cwd: '/src//app/./' },
  'interactive-container': {
    ...plain,
    shellVariables: true,
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    network: 'none',
    user: { uid: 1000, gid: 100, additionalGids: [100, 27], home: '/home/ann' },
    env: ['TERM=screen'],
    readonlyRootfs: true,
    noNewPrivileges: true,
    cgroup: { ...plain.cgroup, layout: { ...plain.cgroup.layout, kind: 'v2' } },
    limits: { memoryBytes: 64 * 1024 * 1024, cpus: 1.5, pids: 100 },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1_048_576 }],
    ownLimits: new Map([['RLIMIT_NOFILE', { soft: 1024, hard: 20_000 }]]),
    oomScoreAdj: 100,
    annotations: { 'org.opencontainers.image.ref.name': 'x' },
    shmSizeBytes: 1024 * 1024,
    mounts: [
      { kind: 'bind', source: '/run/varve/binds/1', destination: '/data/deep', readonly: true },
      { kind: 'bind', source: '/run/varve/binds/0', destination: '/data', propagation: 'rslave' },
      { kind: 'tmpfs', destination: '/run', sizeBytes: 4096, mode: 0o755, exec: true },
      { kind: 'tmpfs', destination: '/dev/shm' },
    ],
  },
  'privileged-container': {
    ...plain,
    privileged: true,
    seccomp: undefined,
    capabilities: allCapabilities,
    network: { namespacePath: '/run/netns/x' },
  },
};

for (const [name, options] of Object.entries(cases)) {
  test(`the bundle of a ${name} is as recorded`, () => {
    const path = join(import.meta.dirname, 'testdata', `${name}.json`);
    const text = `${JSON.stringify(containerSpec(options), undefined, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, text);
    }
    assert.equal(text, readFileSync(path, 'utf8'));
  });

  test(`the bundle of a ${name} meets the schema of the runtime specification`, { skip: noSchemas }, () => {
    const validator = Compile(loadSchema(schemas, 'config-schema.json'));
    const [valid, errors] = validator.Errors(JSON.parse(JSON.stringify(containerSpec(options))));
    assert.deepEqual([valid, errors], [true, []]);
  });
}

test('a container has the network namespace that was asked for', () => {
  assert.equal(networkOf(containerSpec(plain)), undefined);
  assert.deepEqual(networkOf(containerSpec({ ...plain, network: 'none' })), { type: 'network' });
  assert.deepEqual(networkOf(containerSpec({ ...plain, network: { namespacePath: '/n' } })), {
    type: 'network',
    path: '/n',
  });
});

test('only root holds capabilities; for others they only bound what setuid programs regain', () => {
  const user = { uid: 1, gid: 1, additionalGids: [], home: '/' };
  const own = containerSpec({ ...plain, user }).process.capabilities;
  assert.deepEqual(Object.keys(own), ['bounding']);
  assert.equal(own.bounding.length, 14);
  const root = containerSpec(plain).process.capabilities;
  assert.deepEqual(Object.keys(root), ['bounding', 'effective', 'permitted']);
});

test('an rlimit never exceeds the hard limit, as without CAP_SYS_RESOURCE raising one fails', () => {
  const rlimits = [{ type: 'RLIMIT_NPROC', soft: 500, hard: 900 }];
  const spec = containerSpec({ ...plain, rlimits, ownLimits: new Map([['RLIMIT_NPROC', { soft: 300, hard: 300 }]]) });
  assert.deepEqual(spec.process.rlimits, [{ type: 'RLIMIT_NPROC', soft: 300, hard: 300 }]);
});

test('a missing controller is an error only where its limit was asked for', () => {
  const cgroup = { path: '/varve/c0ffee', layout: { kind: 'v2', controllers: controllers() } } as const;
  assert.deepEqual(Object.keys(containerSpec({ ...plain, cgroup }).linux.resources), ['devices']);
  assert.throws(() => containerSpec({ ...plain, cgroup, limits: { pids: 5 } }), {
    name: 'Fault',
    code: 'unsupported',
    message: /limit pids .* pids controller is missing/,
  });
});

test('memory with swap and processors are limited in all ways that Docker has', () => {
  const layout = { kind: 'v1', controllers: controllers('memory', 'cpu', 'cpuset') } as const;
  const cgroup = { path: '/varve/c0ffee', layout };
  const limits = { memoryBytes: 2 ** 26, memorySwapBytes: -1, cpuQuotaUs: 5000, cpuPeriodUs: 10_000, cpuShares: 512 };
  const cpuset = { cpusetCpus: '0-1', cpusetMems: '0' };
  const { resources } = containerSpec({ ...plain, cgroup, limits: { ...limits, ...cpuset } }).linux;
  assert.deepEqual(resources.memory, { limit: 2 ** 26, swap: -1 });
  assert.deepEqual(resources.cpu, { quota: 5000, period: 10_000, shares: 512, cpus: '0-1', mems: '0' });
});

test('a device is made and allowed, and nothing else is', () => {
  const device = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, access: 'rwm' } as const;
  const { devices, resources } = containerSpec({ ...plain, devices: [device] }).linux;
  assert.deepEqual(devices, [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666 }]);
  assert.deepEqual(resources.devices.at(-1), { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' });
});

test('the init program is bound below /dev, so that it leaves no stub in the root file system', () => {
  const spec = containerSpec({ ...plain, init: '/usr/bin/tini-static' });
  assert.deepEqual(spec.process.args, ['/dev/init', '--', '/bin/sh', '-c', 'make']);
  const mount = spec.mounts.at(-1);
  assert.deepEqual([mount?.destination, mount?.source], ['/dev/init', '/usr/bin/tini-static']);
});

test('the working directory is cleaned as Docker cleans it', () => {
  assert.equal(containerSpec({ ...plain, cwd: '/a/../b//./c/' }).process.cwd, '/b/c');
  assert.equal(containerSpec({ ...plain, cwd: '' }).process.cwd, '/');
});

test('what no kernel would take is refused with its name', () => {
  const wrong: readonly (readonly [Partial<ContainerSpecOptions>, RegExp])[] = [
    [{ args: [] }, /no command/],
    [{ cwd: 'here' }, /working directory "here": not an absolute path/],
    [{ mounts: bind('/a/../../b') }, /mount "\/a\/..\/..\/b": ".."/],
    [{ mounts: bind('/') }, /the target is its root/],
    [{ limits: { memoryBytes: 4096 } }, /limit memory .* 4096/],
    [{ limits: { cpus: 0 } }, /limit cpus .* 0/],
    [{ limits: { cpus: 1, cpuQuotaUs: 5000 } }, /limit cpus .* a quota or period/],
    [{ limits: { memorySwapBytes: 2 ** 30 } }, /the limit of memory itself is missing/],
    [{ limits: { memoryBytes: 2 ** 30, memorySwapBytes: 2 ** 29 } }, /limit memory and swap .* 536870912/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => containerSpec({ ...plain, ...change }), { name: 'Fault', code: 'invalid', message });
  }
});

function controllers(...names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name, `/sys/fs/cgroup/${name}`]));
}

function networkOf(spec: RuntimeSpec): NamespaceSpec | undefined {
  return spec.linux.namespaces.find((each) => each.type === 'network');
}

function bind(destination: string): readonly ContainerMount[] {
  return [{ kind: 'bind', source: '/x', destination }];
}

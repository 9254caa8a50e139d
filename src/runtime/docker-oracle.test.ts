import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { needsDocker, peerProgram } from '../std/docker-peer.fixture.ts';
import { cgroupLayout } from '../host/index.ts';
import { defaultCapabilities } from './capabilities.ts';
import { containerSpec } from './container-spec.ts';
import type { MountSpec, RuntimeSpec, SeccompSpec } from './runtime-spec.ts';
import { loadSeccomp } from './seccomp-source.ts';

const noDocker = needsDocker !== false ? needsDocker : process.arch !== 'x64' && 'what is compared is of x64';

const name = `varve-oracle-${process.pid}`;
let docker: RuntimeSpec;
let ours: RuntimeSpec;

before(() => {
  if (noDocker !== false) return;
  docker = dockerSpec();
  ours = containerSpec({
    rootfs: '/rootfs',
    args: ['sleep', '60'],
    hostname: docker.hostname,
    shellVariables: true,
    network: 'none',
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    seccomp: loadSeccomp({ architecture: 'amd64', capabilities: defaultCapabilities }),
    cgroup: { path: '/x', layout: cgroupLayout() },
  });
});

after(() => {
  if (noDocker === false) peer('docker', 'rm', '--force', name);
});

test('capabilities are Docker’s', { skip: noDocker }, () => {
  assert.deepEqual(ours.process.capabilities, docker.process.capabilities);
});

test('masked and read-only paths are Docker’s', { skip: noDocker }, () => {
  const perProcessor = /thermal_throttle$/;
  assert.deepEqual(
    new Set(ours.linux.maskedPaths),
    new Set(docker.linux.maskedPaths.filter((path) => !perProcessor.test(path))),
  );
  assert.deepEqual(ours.linux.readonlyPaths, docker.linux.readonlyPaths);
});

test('mounts are Docker’s', { skip: noDocker }, () => {
  assert.deepEqual(ours.mounts.map(sorted), docker.mounts.filter((mount) => mount.type !== 'bind').map(sorted));
});

test('namespaces and kernel settings are Docker’s', { skip: noDocker }, () => {
  assert.deepEqual(namespaceTypes(ours), namespaceTypes(docker));
  assert.deepEqual(ours.linux.sysctl, docker.linux.sysctl);
});

test('environment and user are Docker’s, but for HOME, which its runtime adds', { skip: noDocker }, () => {
  assert.deepEqual(ours.process.env, [...docker.process.env, 'HOME=/root']);
  assert.deepEqual(ours.process.user, docker.process.user);
  assert.equal(ours.process.cwd, docker.process.cwd);
});

test('device rules allow what Docker’s allow', { skip: noDocker }, () => {
  assert.deepEqual(devicesAllowed(ours), devicesAllowed(docker));
});

test('the seccomp filter allows nothing that Docker’s refuses, but for calls of no effect', { skip: noDocker }, () => {
  const beyond = callsAllowed(ours).difference(callsAllowed(docker));
  const without = new Set([
    'readdir',
    'sigaction',
    'signal',
    'sigpending',
    'sigsuspend',
    'syscall',
    'timerfd',
    'umount',
  ]);
  assert.deepEqual(beyond.difference(without), new Set());
});

function dockerSpec(): RuntimeSpec {
  const id = peer('docker', 'run', '-d', '--network', 'none', '--name', name, 'busybox:local', 'sleep', '60').trim();
  const root = '/var/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby';
  return JSON.parse(peer('cat', `${root}/${id}/config.json`)) as RuntimeSpec;
}

function namespaceTypes(spec: RuntimeSpec): string[] {
  return spec.linux.namespaces.map((each) => each.type).toSorted();
}

function devicesAllowed(spec: RuntimeSpec): Set<string> {
  const rules = spec.linux.resources.devices.filter((rule) => rule.allow);
  return new Set(rules.map((rule) => `${rule.type} ${rule.major}:${rule.minor}`));
}

function callsAllowed(spec: RuntimeSpec): Set<string> {
  const { syscalls } = spec.linux.seccomp as SeccompSpec;
  return new Set(syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW').flatMap((rule) => rule.names));
}

function sorted(mount: MountSpec): MountSpec {
  return { ...mount, options: mount.options.toSorted() };
}

function peer(...command: readonly string[]): string {
  return execFileSync(peerProgram, command, { encoding: 'utf8', timeout: 60_000 });
}

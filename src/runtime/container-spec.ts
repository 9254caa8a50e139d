import { posix } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { ResourceLimit } from '../host/index.ts';
import { defined } from '../oci/index.ts';
import type { ContainerDevice, ContainerLimits, ContainerMount, ContainerSpecOptions } from './container-options.ts';
import { capabilitySets, defaultCapabilities } from './capabilities.ts';
import { defaultMounts, deviceRules, maskedPaths, readonlyPaths } from './default-mounts.ts';
import type {
  CpuSpec,
  DeviceRuleSpec,
  DeviceSpec,
  MountSpec,
  NamespaceSpec,
  ProcessSpec,
  ResourcesSpec,
  RlimitSpec,
  RuntimeSpec,
  SeccompSpec,
} from './runtime-spec.ts';
import { seccompProgramAnnotation } from './seccomp-program.ts';
import type { ContainerUser } from './user.ts';

/** Where the init program stands: below `/dev`, which is a file system of the container's own, so it leaves no stub. */
export const initPath = '/dev/init';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaultShmSizeBytes = 64 * 1024 * 1024;
const rootUser: ContainerUser = { uid: 0, gid: 0, additionalGids: [0], home: '/root' };

/**
 * The `config.json` of a container with the isolation that Docker gives by default. Pure: the same options give the
 * same document.
 *
 * Fails with `unsupported` for a limit whose controller is missing, `invalid` for a value that no kernel would take.
 */
export function containerSpec(options: ContainerSpecOptions): RuntimeSpec {
  const capabilities = options.capabilities ?? defaultCapabilities;
  const { program, ...seccomp } = options.seccomp ?? {};
  const annotations = {
    ...options.annotations,
    ...(program === undefined ? {} : { [seccompProgramAnnotation]: program }),
  };
  return {
    ociVersion: '1.0.2',
    process: processSpec(options, capabilities),
    root: { path: absolute(options.rootfs, 'root file system'), ...flag('readonly', options.readonlyRootfs) },
    hostname: options.hostname,
    mounts: mountSpecs(options),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    linux: {
      namespaces: namespaces(options),
      cgroupsPath: absolute(options.cgroup.path, 'cgroup'),
      resources: resources(options),
      ...((options.devices ?? []).length === 0 ? {} : { devices: options.devices?.map(deviceNode) ?? [] }),
      ...(options.network === 'host' ? {} : { sysctl: ownNetworkSysctl }),
      ...(options.seccomp === undefined ? {} : { seccomp: seccomp as SeccompSpec }),
      maskedPaths: options.privileged === true ? [] : maskedPaths,
      readonlyPaths: options.privileged === true ? [] : readonlyPaths,
    },
  };
}

/** In a network of its own, a container's user may bind low ports and send pings, which need root on a host. */
const ownNetworkSysctl = { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' };

function processSpec(options: ContainerSpecOptions, capabilities: readonly string[]): ProcessSpec {
  if (options.args.length === 0) throw new Fault('invalid', 'create container: no command was given');
  const user = options.user ?? rootUser;
  return {
    ...flag('terminal', options.terminal),
    ...(options.consoleSize === undefined ? {} : { consoleSize: options.consoleSize }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: options.init === undefined ? options.args : [initPath, '--', ...options.args],
    env: environment(options, user.home),
    cwd: absolute(posix.normalize(options.cwd || '/'), 'working directory'),
    capabilities: capabilitySets(capabilities, user.uid),
    ...(options.rlimits === undefined ? {} : { rlimits: withinHardLimits(options.rlimits, options.ownLimits) }),
    ...flag('noNewPrivileges', options.noNewPrivileges),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
  };
}

/** Docker's order: what the engine sets, then the image's and the user's variables over it. */
function environment(options: ContainerSpecOptions, home: string): string[] {
  const variables = new Map<string, string>([['PATH', `PATH=${defaultPath}`]]);
  if (options.shellVariables === true) {
    variables.set('HOSTNAME', `HOSTNAME=${options.hostname}`);
    if (options.terminal === true) variables.set('TERM', 'TERM=xterm');
  }
  for (const variable of options.env ?? []) variables.set(variable.split('=', 1)[0] ?? '', variable);
  if (!variables.has('HOME')) variables.set('HOME', `HOME=${home}`);
  return [...variables.values()];
}

function withinHardLimits(
  rlimits: readonly RlimitSpec[],
  ownLimits: ReadonlyMap<string, ResourceLimit> | undefined,
): RlimitSpec[] {
  return rlimits.map(({ type, soft, hard }) => {
    const own = ownLimits?.get(type)?.hard ?? Number.POSITIVE_INFINITY;
    return { type, soft: Math.min(soft, hard, own), hard: Math.min(hard, own) };
  });
}

function namespaces(options: ContainerSpecOptions): NamespaceSpec[] {
  const own: NamespaceSpec[] = [{ type: 'mount' }, { type: 'uts' }, { type: 'pid' }, { type: 'ipc' }];
  if (options.network === 'none') own.push({ type: 'network' });
  else if (options.network !== 'host') own.push({ type: 'network', path: options.network.namespacePath });
  if (options.cgroup.layout.kind === 'v2') own.push({ type: 'cgroup' });
  return own;
}

function resources({ limits = {}, cgroup, privileged, devices = [] }: ContainerSpecOptions): ResourcesSpec {
  for (const [limit, controller] of limitControllers) {
    if (limits[limit] === undefined || cgroup.layout.controllers.has(controller)) continue;
    throw new Fault(
      'unsupported',
      `limit ${limit} of the container: the kernel's ${controller} controller is missing`,
      {
        hint: 'leave the limit out, or enable the cgroup controller',
      },
    );
  }
  const { pids } = limits;
  return {
    devices:
      privileged === true
        ? [{ allow: true, access: 'rwm' }]
        : [...deviceRules, ...devices.filter(({ type }) => type !== 'p').map(deviceRule)],
    ...memoryLimit(limits),
    ...cpuLimit(limits),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
}

function deviceNode(device: ContainerDevice): DeviceSpec {
  const { access: _, ...node } = device;
  return node;
}

function deviceRule({ type, major, minor, access }: ContainerDevice): DeviceRuleSpec {
  const numbers = { ...(major === undefined ? {} : { major }), ...(minor === undefined ? {} : { minor }) };
  return { allow: true, type: type === 'b' ? 'b' : 'c', ...numbers, access };
}

function memoryLimit({ memoryBytes, memorySwapBytes }: ContainerLimits): Pick<ResourcesSpec, 'memory'> {
  if (memoryBytes === undefined && memorySwapBytes === undefined) return {};
  if (memoryBytes === undefined) {
    throw new Fault('invalid', 'limit memory and swap of the container: the limit of memory itself is missing');
  }
  const limit = atLeastOf(memoryBytes, 6 * 1024 * 1024, 'memory');
  if (memorySwapBytes === undefined) return { memory: { limit } };
  const swap = memorySwapBytes < 0 ? -1 : atLeastOf(memorySwapBytes, memoryBytes, 'memory and swap');
  return { memory: { limit, swap } };
}

function cpuLimit(limits: ContainerLimits): Pick<ResourcesSpec, 'cpu'> {
  const { cpus, cpuQuotaUs, cpuPeriodUs, cpuShares, cpusetCpus, cpusetMems } = limits;
  if (cpus !== undefined && (cpuQuotaUs !== undefined || cpuPeriodUs !== undefined)) {
    throw new Fault('invalid', 'limit cpus of the container: a quota or period says the same in other words');
  }
  const time =
    cpus === undefined
      ? { quota: cpuQuotaUs, period: cpuPeriodUs }
      : { quota: Math.round(atLeastOf(cpus, 0.01, 'cpus') * usualPeriodUs), period: usualPeriodUs };
  const cpu: CpuSpec = defined({ ...time, shares: cpuShares, cpus: cpusetCpus, mems: cpusetMems });
  return Object.keys(cpu).length === 0 ? {} : { cpu };
}

const usualPeriodUs = 100_000;

const limitControllers = [
  ['memoryBytes', 'memory'],
  ['memorySwapBytes', 'memory'],
  ['cpus', 'cpu'],
  ['cpuQuotaUs', 'cpu'],
  ['cpuPeriodUs', 'cpu'],
  ['cpuShares', 'cpu'],
  ['cpusetCpus', 'cpuset'],
  ['cpusetMems', 'cpuset'],
  ['pids', 'pids'],
] as const;

/** Parents before children, and the user's mount in the place of a default one on the same path. */
function mountSpecs(options: ContainerSpecOptions): MountSpec[] {
  const asked = (options.mounts ?? []).map(mountSpec);
  const taken = new Set(asked.map((mount) => mount.destination));
  const defaults = defaultMounts({
    shmSizeBytes: options.shmSizeBytes ?? defaultShmSizeBytes,
    cgroup: options.cgroup.layout.kind !== 'none',
    writable: options.privileged === true,
  });
  const kept = defaults.filter(
    ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
  );
  const init = options.init === undefined ? [] : [bindSpec(options.init, initPath, { readonly: true })];
  return [...kept, ...asked.toSorted((a, b) => depth(a.destination) - depth(b.destination)), ...init];
}

function mountSpec(mount: ContainerMount): MountSpec {
  const destination = absolute(mount.destination, 'mount');
  if (destination === '/') throw new Fault('invalid', 'mount into the container: the target is its root');
  if (mount.kind === 'bind') return bindSpec(mount.source, destination, mount);
  const mode = (mount.mode ?? 0o1777).toString(8);
  return {
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [
      'nosuid',
      'nodev',
      ...(mount.exec === true ? [] : ['noexec']),
      ...(mount.readonly === true ? ['ro'] : []),
      `mode=${mode}`,
      ...(mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`]),
    ],
  };
}

/** `ro` alone leaves what is mounted below the source writable; `rro` does not (mount_setattr(2), Linux 5.12). */
function bindSpec(
  source: string,
  destination: string,
  options: Pick<ContainerMount & { readonly kind: 'bind' }, 'readonly' | 'propagation' | 'restrictions'>,
): MountSpec {
  const access = options.readonly === true ? ['ro', 'rro'] : [];
  return {
    destination,
    type: 'bind',
    source: absolute(source, 'mount source'),
    options: ['rbind', options.propagation ?? 'rprivate', ...(options.restrictions ?? []), ...access],
  };
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

/** `path` without empty and `.` parts; a `..` is refused, because what it would mean depends on links. */
function absolute(path: string, what: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (!path.startsWith('/') || path.includes('\0'))
    throw new Fault('invalid', `${what} "${path}": not an absolute path`);
  if (parts.includes('..')) throw new Fault('invalid', `${what} "${path}": ".." cannot stand in this path`);
  return `/${parts.join('/')}`;
}

function atLeastOf(value: number, minimum: number, what: string): number {
  if (value >= minimum) return value;
  throw new Fault('invalid', `limit ${what} of the container to ${value}: the least that works is ${minimum}`);
}

function flag<K extends string>(name: K, value: boolean | undefined): { readonly [key in K]?: true } {
  return value === true ? ({ [name]: true } as { readonly [key in K]: true }) : {};
}

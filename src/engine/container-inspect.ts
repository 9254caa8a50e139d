import { join } from 'node:path';
import type { StoredContainer, ContainerPlace } from './container-directory.ts';
import type { ContainerLife, ContainerRecord, RecordedMount } from './container-record.ts';
import type { ContainerInspect } from './containers.ts';

export interface InspectOptions {
  /** What was observed of the container. */
  readonly life: ContainerLife;
  readonly place: ContainerPlace;
  /** Where a volume's files are. */
  readonly volumePath: (name: string) => string;
}

/** Docker's JSON for a container (Engine API v1.47, ContainerInspect), with what varve has no notion of at its zero value. */
export function inspectContainer({ id, name, record }: StoredContainer, options: InspectOptions): ContainerInspect {
  const { life, place, volumePath } = options;
  const [path = '', ...args] = record.command;
  return {
    Id: id,
    Created: record.created,
    Path: path,
    Args: args,
    State: stateOf(life),
    Image: record.imageId,
    ResolvConfPath: join(place.bundle, 'etc/resolv.conf'),
    HostnamePath: join(place.bundle, 'etc/hostname'),
    HostsPath: join(place.bundle, 'etc/hosts'),
    LogPath: place.logPath,
    Name: `/${name}`,
    RestartCount: 0,
    Driver: 'overlay',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigOf(record),
    GraphDriver: {
      Name: 'overlay',
      Data: { MergedDir: place.target, UpperDir: join(place.workDir, 'upper'), WorkDir: join(place.workDir, 'work') },
    },
    Mounts: record.mounts.map((mount) => mountPoint(mount, volumePath)),
    Config: configOf(record),
    NetworkSettings: networkSettings(record.settings.network),
  };
}

const never = '0001-01-01T00:00:00Z';

function stateOf(life: ContainerLife): Readonly<Record<string, unknown>> {
  const failure = life.kind === 'created' ? life.failure : undefined;
  return {
    Status: life.kind,
    Running: life.kind === 'running',
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: life.kind === 'running' ? life.process.pid : 0,
    ExitCode: life.kind === 'exited' ? life.exitCode : (failure?.exitCode ?? 0),
    Error: failure?.message ?? '',
    StartedAt: life.kind === 'created' ? never : life.startedAt,
    FinishedAt: life.kind === 'exited' ? life.finishedAt : never,
  };
}

function hostConfigOf({ settings, mounts, runtime = '' }: ContainerRecord): Readonly<Record<string, unknown>> {
  const binds = mounts.flatMap(bindText);
  return {
    Binds: binds.length === 0 ? null : binds,
    ContainerIDFile: '',
    LogConfig: { Type: 'k8s-file', Config: {} },
    NetworkMode: settings.network,
    PortBindings: {},
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: settings.autoRemove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: listOrNull(settings.capAdd),
    CapDrop: listOrNull(settings.capDrop),
    CgroupnsMode: 'private',
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: settings.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: settings.readOnly,
    SecurityOpt: listOrNull(settings.securityOpt),
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 64 * 1024 * 1024,
    Runtime: runtime,
    Isolation: '',
    CgroupParent: '',
    Memory: settings.memoryBytes ?? 0,
    NanoCpus: Math.round((settings.cpus ?? 0) * 1e9),
    PidsLimit: settings.pidsLimit ?? null,
    Devices: [],
    Ulimits: [],
    Init: settings.init,
  };
}

function bindText(mount: RecordedMount): readonly string[] {
  if (mount.kind === 'volume' && mount.anonymous) return [];
  const source = mount.kind === 'bind' ? mount.source : mount.name;
  return [`${source}:${mount.target}${mount.readonly ? ':ro' : ''}`];
}

function mountPoint(mount: RecordedMount, volumePath: InspectOptions['volumePath']): Readonly<Record<string, unknown>> {
  const common = { Destination: mount.target, Mode: mount.readonly ? 'ro' : '', RW: !mount.readonly };
  if (mount.kind === 'bind') return { Type: 'bind', Source: mount.source, ...common, Propagation: 'rprivate' };
  const { name } = mount;
  return { Type: 'volume', Name: name, Source: volumePath(name), ...common, Driver: 'local', Propagation: '' };
}

function configOf({ config, settings, image }: ContainerRecord): Readonly<Record<string, unknown>> {
  return {
    Hostname: settings.hostname,
    Domainname: '',
    User: config.User ?? '',
    AttachStdin: settings.openStdin,
    AttachStdout: true,
    AttachStderr: true,
    ...(config.ExposedPorts === undefined ? {} : { ExposedPorts: config.ExposedPorts }),
    Tty: settings.tty,
    OpenStdin: settings.openStdin,
    StdinOnce: settings.openStdin,
    Env: config.Env ?? [],
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck === undefined ? {} : { Healthcheck: config.Healthcheck }),
    Image: image,
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: listOrNull(config.Entrypoint ?? []),
    OnBuild: listOrNull(config.OnBuild ?? []),
    Labels: config.Labels ?? {},
    ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
    ...(config.Shell === undefined ? {} : { Shell: config.Shell }),
  };
}

function networkSettings(network: 'host' | 'none'): Readonly<Record<string, unknown>> {
  const nowhere = {
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    MacAddress: '',
  };
  return {
    Bridge: '',
    SandboxID: '',
    SandboxKey: '',
    Ports: {},
    ...nowhere,
    Networks: { [network]: { NetworkID: '', EndpointID: '', ...nowhere } },
  };
}

function listOrNull(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}

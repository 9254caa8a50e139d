import type { CgroupLayout, ResourceLimit } from '../host/index.ts';
import type { DeviceSpec, RlimitSpec, SeccompSpec } from './runtime-spec.ts';
import type { ContainerUser } from './user.ts';

/** What a container is to be; everything that needs the machine to be looked up has been looked up. */
export interface ContainerSpecOptions {
  /** Absolute path of the mounted root file system. */
  readonly rootfs: string;
  readonly readonlyRootfs?: boolean;
  /** The command and its arguments; at least one. */
  readonly args: readonly string[];
  /** `NAME=value`, the image's and the user's; a later one wins. PATH and HOME are added where they are missing. */
  readonly env?: readonly string[];
  /** Absolute path inside the container; `/` where it is left out or empty. The runtime creates it if it is missing. */
  readonly cwd?: string;
  /** As `resolveUser` gives it; root of the group root where it is left out. */
  readonly user?: ContainerUser;
  readonly hostname: string;
  /** True for a container that a person runs: HOSTNAME and, with a terminal, TERM stand in its environment. */
  readonly shellVariables?: boolean;
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly network: ContainerNetwork;
  /** In any order: a mount on a path comes before those below it. One on a default mount's path replaces that. */
  readonly mounts?: readonly ContainerMount[];
  /** Size of `/dev/shm`; 64 MiB where it is left out. */
  readonly shmSizeBytes?: number;
  /** Absent only where the user asked for none: a container without a filter reaches the whole kernel. */
  readonly seccomp: SeccompFilter | undefined;
  readonly capabilities?: readonly string[];
  /** Beside the usual ones, made in the container's `/dev`. */
  readonly devices?: readonly ContainerDevice[];
  readonly noNewPrivileges?: boolean;
  /** Nothing masked, nothing read-only, every device allowed. Capabilities and seccomp are set on their own. */
  readonly privileged?: boolean;
  readonly cgroup: ContainerCgroup;
  readonly limits?: ContainerLimits;
  readonly rlimits?: readonly RlimitSpec[];
  /** This process's own limits (`resourceLimits`): without CAP_SYS_RESOURCE none can be set above the hard one. */
  readonly ownLimits?: ReadonlyMap<string, ResourceLimit>;
  /** A static init program on the host that becomes process 1, reaps orphans and passes signals on. */
  readonly init?: string;
  /** Between this process's own value and 1000: the kernel lets nobody protect a child more than itself. */
  readonly oomScoreAdj?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a bundle says of system calls, and the same as a program (`seccompProgram`, base64), where there is one. */
export interface SeccompFilter extends SeccompSpec {
  readonly program?: string;
}

/** `host` shares the host's interfaces; `none` has a loopback of its own; a path joins a namespace made beforehand. */
export type ContainerNetwork = 'host' | 'none' | { readonly namespacePath: string };

export type ContainerMount =
  | {
      readonly kind: 'bind';
      /** What to bind; of a path that others can change, what `openBindSource` made of it. */
      readonly source: string;
      readonly destination: string;
      readonly readonly?: boolean;
      readonly propagation?: MountPropagation;
      readonly restrictions?: readonly MountRestriction[];
    }
  | {
      readonly kind: 'tmpfs';
      readonly destination: string;
      readonly readonly?: boolean;
      readonly exec?: boolean;
      readonly sizeBytes?: number;
      /** Permission bits of its root; 01777 where they are left out. */
      readonly mode?: number;
    };

/** What files of a mount cannot do: raise rights, be devices, be run. */
export type MountRestriction = 'nosuid' | 'nodev' | 'noexec';

export type MountPropagation = 'private' | 'rprivate' | 'slave' | 'rslave' | 'shared' | 'rshared';

export interface ContainerCgroup {
  /** Path below the hierarchy's root, such as `/varve/<id>`. */
  readonly path: string;
  /** How control groups are laid out on this machine. */
  readonly layout: Pick<CgroupLayout, 'kind'> & { readonly controllers: ReadonlyMap<string, unknown> };
}

export interface ContainerLimits {
  readonly memoryBytes?: number;
  /** Processors' worth of time; 1.5 is one and a half. */
  readonly cpus?: number;
  readonly pids?: number;
  /** Memory and swap together; -1 for as much as there is. */
  readonly memorySwapBytes?: number;
  /** Of each period of `cpuPeriodUs`, for how long the container may run. */
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  /** Weight against other containers; 1024 is the usual one. */
  readonly cpuShares?: number;
  /** Processors and memory nodes, as `0-3,7`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

export interface ContainerDevice extends DeviceSpec {
  /** What the control group allows: some of `rwm`. */
  readonly access: string;
}

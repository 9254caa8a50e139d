/**
 * The part of the OCI runtime specification (1.0.2, config.md and config-linux.md) that a varve bundle uses. Field
 * names are those of the document; nothing here is optional for taste: a field that a container does not need is left
 * out of its `config.json`.
 */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname: string;
  readonly mounts: readonly MountSpec[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: LinuxSpec;
}

export interface ProcessSpec {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: UserSpec;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: CapabilitiesSpec;
  readonly rlimits?: readonly RlimitSpec[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
}

export interface UserSpec {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

export interface CapabilitiesSpec {
  readonly bounding: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
}

/** A resource limit of the container's first process; `type` is the kernel's name, such as `RLIMIT_NOFILE`, `Infinity` no limit. */
export interface RlimitSpec {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface MountSpec {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface LinuxSpec {
  readonly namespaces: readonly NamespaceSpec[];
  /** Device nodes beside the usual ones. */
  readonly devices?: readonly DeviceSpec[];
  readonly cgroupsPath: string;
  readonly resources: ResourcesSpec;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly seccomp?: SeccompSpec;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

export interface NamespaceSpec {
  readonly type: 'pid' | 'mount' | 'ipc' | 'uts' | 'network' | 'cgroup';
  /** A namespace to join; a new one is made where it is left out. */
  readonly path?: string;
}

export interface ResourcesSpec {
  readonly devices: readonly DeviceRuleSpec[];
  /** `swap` is memory and swap together; -1 for no limit. */
  readonly memory?: { readonly limit: number; readonly swap?: number };
  readonly cpu?: CpuSpec;
  readonly pids?: { readonly limit: number };
}

export interface CpuSpec {
  readonly quota?: number;
  readonly period?: number;
  readonly shares?: number;
  readonly cpus?: string;
  readonly mems?: string;
}

export interface DeviceSpec {
  /** Absolute, as the container sees it. */
  readonly path: string;
  readonly type: 'b' | 'c' | 'p';
  readonly major?: number;
  readonly minor?: number;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface DeviceRuleSpec {
  readonly allow: boolean;
  readonly type?: 'a' | 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface SeccompSpec {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SyscallRuleSpec[];
}

export interface SyscallRuleSpec {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SyscallArgSpec[];
}

export interface SyscallArgSpec {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

import type { ContainerLimits, RlimitSpec } from '../../runtime/index.ts';

/** What a build gives to the containers of its RUNs, beside what the instructions say. Fields are named for flags of `docker build`. */
export interface RunSettings {
  /** `--add-host`: lines of the container's `/etc/hosts`. Names are part of a step's key, addresses are not. */
  readonly extraHosts?: readonly ExtraHost[];
  /** Size of `/dev/shm`. Part of the key, as a command may ask for it; so are `rlimits`. */
  readonly shmSizeBytes?: number;
  readonly rlimits?: readonly RlimitSpec[];
  /** Memory and processors: in no key. A limit that the machine cannot set is a Fault. */
  readonly limits?: ContainerLimits;
  /** What the command sees as the machine's name; part of the key, as it may be written down. `varve-build` where it is left out. */
  readonly hostname?: string;
  /** The control group below which those of steps are made; `/varve` where it is left out. */
  readonly cgroupParent?: string;
}

export interface ExtraHost {
  readonly name: string;
  /** An address, or `host-gateway`: the one by which the container reaches this machine. */
  readonly address: string;
}

import type { ContainerConfig, DiffId } from '../oci/index.ts';

/**
 * What the store keeps of a container: the body of its document, whose id is the container's ID and whose name is its
 * name. All but `life` is as it was when the container was created.
 */
export type ContainerRecord = {
  /** RFC 3339. */
  readonly created: string;
  /** The image as it was asked for. */
  readonly image: string;
  readonly imageId: string;
  readonly architecture: string;
  /** The layers that it stands on, lowest first. */
  readonly chain: readonly DiffId[];
  /** The command: entrypoint and arguments taken together, at least one. */
  readonly command: readonly string[];
  /** The image's config with what was asked for over it. */
  readonly config: ContainerConfig;
  readonly settings: ContainerSettings;
  /** As of `Runtimes.choose`; undefined where there was none when it was created. */
  readonly runtime?: string;
  readonly mounts: readonly RecordedMount[];
  readonly life: ContainerLife;
};

/** What a container has beside what an image can say. */
export type ContainerSettings = {
  readonly hostname: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly network: 'host' | 'none';
  readonly readOnly: boolean;
  readonly autoRemove: boolean;
  readonly init: boolean;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** Undefined or below 1: no limit. */
  readonly pidsLimit?: number;
};

export type RecordedMount =
  | {
      readonly kind: 'bind';
      /** Absolute, on the host. */
      readonly source: string;
      readonly target: string;
      readonly readonly: boolean;
    }
  | {
      readonly kind: 'volume';
      /** Names the volume's document. */
      readonly name: string;
      readonly target: string;
      readonly readonly: boolean;
      /** Made for this container alone, and gone with it where that removes itself. */
      readonly anonymous: boolean;
    };

export type ContainerLife =
  | { readonly kind: 'created'; /** Why it could not be started, if that was tried. */ readonly failure?: StartFailure }
  | RunningLife
  | ExitedLife;

/** It was started, and its end has not been written down. Whether it still runs is to be seen (`observeLife`). */
export type RunningLife = {
  readonly kind: 'running';
  readonly startedAt: string;
  /** The container's first process. */
  readonly process: ProcessIdentity;
  readonly monitor: ProcessIdentity | undefined;
  /** Processes are those of this boot. */
  readonly bootId: string;
};

export type ExitedLife = {
  readonly kind: 'exited';
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
};

export type StartFailure = { readonly exitCode: number; readonly message: string };

export type ProcessIdentity = { readonly pid: number; readonly startTime: string };

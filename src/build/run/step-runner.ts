import type { DiffId } from '../../oci/index.ts';
import type { CdiDevice } from '../../runtime/index.ts';
import type { PackReport } from '../../snapshot/index.ts';
import type { PackedLayer } from '../../layer/index.ts';
import type { RunSettings } from './run-settings.ts';
import type { StepMount } from './step-mount.ts';

/** Runs a command in a temporary container on a stack of layers, and keeps what it changed as a layer. */
export interface StepRunner {
  /**
   * The layer holds the command's changes and nothing of what was mounted for it. Afterwards the container, its mounts
   * and its working folder are gone, also on failure.
   *
   * A command that fails is no Fault of this call: its exit code is in the outcome, and no layer is made.
   */
  run(command: StepCommand, options: StepRunOptions): Promise<StepOutcome>;
}

export interface StepCommand {
  /** What it runs on, lowest first. */
  readonly chain: readonly DiffId[];
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** As `env`, and never on a disk. */
  readonly secretEnv: readonly string[];
  /** Absolute. */
  readonly workdir: string;
  /** As USER has it; '' is root. */
  readonly user: string;
  /** `isolated`: the one of this build, which its steps share; `host`: the machine's own; `none`: a loopback alone. */
  readonly network: 'isolated' | 'host' | 'none';
  /** Files that the command sees and the layer does not hold: absolute path below `/dev`, content. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly mounts: readonly StepMount[];
  /** What they add to the container is found out here; Fault where this machine has it not. */
  readonly devices: readonly CdiDevice[];
  /** `insecure`: with every right that this process has, and no filter of system calls. */
  readonly security: 'sandbox' | 'insecure';
  readonly settings: RunSettings;
}

export interface StepRunOptions {
  readonly signal: AbortSignal;
  /** What the command writes, to standard output and error alike. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Told now and then, after the command, while a large layer is written: bytes so far. */
  readonly onPacking?: ((doneBytes: number) => void) | undefined;
}

export type StepOutcome =
  | { readonly kind: 'done'; readonly layer: PackedLayer; readonly report: PackReport }
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string | undefined };

import type { DiffId } from '../../oci/index.ts';
import type { SshSource } from './ssh-source.ts';

/** Something that a step's command sees beside its root filesystem, and that is no part of its layer. Targets are absolute. */
export type StepMount =
  | {
      readonly kind: 'bind';
      readonly target: string;
      /** False: what is written is lost. */
      readonly readOnly: boolean;
      readonly content: StepContent;
    }
  | {
      readonly kind: 'cache';
      readonly target: string;
      readonly readOnly: boolean;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      /** What a fresh one begins with. */
      readonly seed: StepContent | undefined;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      readonly sizeBytes: number | undefined;
    }
  /** A file that is never on a disk. */
  | ({ readonly kind: 'secret'; readonly target: string; readonly content: Uint8Array } & Ownership)
  /** The socket of an agent. */
  | ({ readonly kind: 'ssh'; readonly target: string; readonly source: SshSource } & Ownership);

interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A file or directory in the tree of a chain. */
export interface StepContent {
  readonly chain: readonly DiffId[];
  /** Absolute; symlinks are followed inside the tree. */
  readonly path: string;
  /** Equal for equal content. */
  readonly name: string;
}

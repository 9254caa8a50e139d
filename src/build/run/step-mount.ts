import type { DiffId } from '../../oci/index.ts';
import type { ContentMount, Ownership } from './content-mount.ts';
import type { SshSource } from './ssh-source.ts';

/** Something that a step's command sees beside its root filesystem, and that is no part of its layer. Targets are absolute. */
export type StepMount =
  | ContentMount<StepContent>
  /** A file that is never on a disk. */
  | ({ readonly kind: 'secret'; readonly target: string; readonly content: Uint8Array } & Ownership)
  /** The socket of an agent. */
  | ({ readonly kind: 'ssh'; readonly target: string; readonly source: SshSource } & Ownership);

/** A file or directory in the tree of a chain. */
export interface StepContent {
  readonly chain: readonly DiffId[];
  /** Absolute; symlinks are followed inside the tree. */
  readonly path: string;
  /** Equal for equal content. */
  readonly name: string;
}

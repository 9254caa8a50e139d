import type { Vertex } from '../../solver/index.ts';
import type { StepResult } from '../step-result.ts';

/** What a RUN is to see beside its root filesystem: a `--mount` with everything expanded, before anything ran. */
export type RunMount =
  | {
      readonly kind: 'bind';
      readonly target: string;
      /** False: it can be written to, and what is written is lost. */
      readonly readOnly: boolean;
      readonly content: MountedContent;
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
      readonly seed: MountedContent | undefined;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly readOnly: boolean;
      readonly sizeBytes: number | undefined;
    }
  | ({
      readonly kind: 'secret';
      /** The file; undefined where it is only given as a variable. */
      readonly target: string | undefined;
      readonly env: string | undefined;
    } & Provided)
  | ({ readonly kind: 'ssh'; readonly target: string } & Provided);

/** What the caller of the build provides, or not. */
interface Provided {
  readonly id: string;
  /** Without it the step fails; else it runs without it. */
  readonly required: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Something in the tree of a stage, an image or a context. */
export interface MountedContent {
  readonly origin: Vertex<StepResult>;
  /** Absolute. */
  readonly path: string;
  /** True where the origin's layers hold nothing but this, so that they say what it is. */
  readonly isAll: boolean;
}

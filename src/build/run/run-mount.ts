import type { Vertex } from '../../solver/index.ts';
import type { StepResult } from '../step-result.ts';
import type { ContentMount, Ownership } from './content-mount.ts';

/** What a RUN is to see beside its root filesystem: a `--mount` with everything expanded, before anything ran. */
export type RunMount =
  | ContentMount<MountedContent>
  | ({
      readonly kind: 'secret';
      /** The file; undefined where it is only given as a variable. */
      readonly target: string | undefined;
      readonly env: string | undefined;
    } & Provided)
  | ({ readonly kind: 'ssh'; readonly target: string } & Provided);

/** What the caller of the build provides, or not. */
interface Provided extends Ownership {
  readonly id: string;
  /** Without it the step fails; else it runs without it. */
  readonly required: boolean;
}

/** Something in the tree of a stage, an image or a context. */
export interface MountedContent {
  readonly origin: Vertex<StepResult>;
  /** Absolute. */
  readonly path: string;
  /** True where the origin's layers hold nothing but this, so that they say what it is. */
  readonly isAll: boolean;
}

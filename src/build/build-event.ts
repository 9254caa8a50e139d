/**
 * What a build tells while it runs, in order. Every step has a number; its events carry it. A `plan` comes before the first
 * event of its steps; there may be several, each with further steps.
 *
 * A step is one instruction of a stage that is part of the build: its `label` is what progress shows
 * (`[build 2/5] RUN make`). Only steps that can make a layer (RUN, COPY, ADD, WORKDIR) are ever `cached`.
 */
export type BuildEvent =
  | { readonly kind: 'plan'; readonly steps: readonly PlannedStep[] }
  /** Another build, in whatever process, runs this very step: it is waited for. Then it is `cached`, or `started` here. */
  | { readonly kind: 'waiting'; readonly step: number; readonly timeMs: number }
  | { readonly kind: 'started'; readonly step: number; readonly timeMs: number }
  /** The step was reused. */
  | { readonly kind: 'cached'; readonly step: number; readonly timeMs: number }
  /** Why the step is not reused: one line, without the step's label. */
  | { readonly kind: 'reason'; readonly step: number; readonly reason: string }
  /** The step ran and gave what it gave before: what follows on it can be reused all the same. Comes before its end. */
  | { readonly kind: 'unchanged'; readonly step: number }
  /** What the step's command wrote, as it came. */
  | { readonly kind: 'output'; readonly step: number; readonly bytes: Uint8Array }
  /** How far long work has come: bytes or items. */
  | {
      readonly kind: 'progress';
      readonly step: number;
      readonly what: string;
      readonly done: number;
      readonly total: number | undefined;
      readonly unit: 'bytes' | 'items';
    }
  | { readonly kind: 'warning'; readonly step: number | undefined; readonly message: string }
  | { readonly kind: 'finished'; readonly step: number; readonly timeMs: number }
  | { readonly kind: 'failed'; readonly step: number; readonly timeMs: number; readonly message: string }
  | { readonly kind: 'cancelled'; readonly step: number; readonly timeMs: number };

export interface PlannedStep {
  /** 1, 2, 3 …, in the order of the Dockerfile. */
  readonly step: number;
  /** What progress shows: `[2/5] RUN make`, `[build 2/5] RUN make`, `[internal] load build context`. */
  readonly label: string;
  /** Name or number of the stage. */
  readonly stage: string;
}

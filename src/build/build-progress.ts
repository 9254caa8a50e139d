import { formatPlatform, samePlatform } from '../oci/index.ts';
import type { Vertex } from '../solver/index.ts';
import type { Clock } from '../std/index.ts';
import type { BuildEvent, PlannedStep } from './build-event.ts';
import type { LoweredStage } from './lowering/step.ts';
import type { StepResult } from './step-result.ts';

type StepVertex = Vertex<StepResult>;

/** How far work has come. */
export type Amount = Pick<Extract<BuildEvent, { readonly kind: 'progress' }>, 'done' | 'total' | 'unit'>;

/** Turns what happens to vertices into events of numbered steps. Vertices that were not planned have none. */
export class BuildProgress {
  readonly #emit: (event: BuildEvent) => void;
  readonly #clock: Clock;
  readonly #steps = new Map<StepVertex, number>();
  readonly #reused = new Set<number>();
  #count = 0;

  constructor(emit: (event: BuildEvent) => void, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  /** Numbers the steps of all stages; those that stand for nothing but another stage have no number. */
  plan(stages: readonly LoweredStage[], options: { readonly namePlatforms: boolean }): void {
    const planned: PlannedStep[] = [];
    for (const stage of stages) {
      const platform = options.namePlatforms ? `${platformLabel(stage)} ` : '';
      const name = stages.length > 1 ? `${platform}${stage.label} ` : '';
      for (const [index, { vertex, work = vertex, title }] of stage.steps.entries()) {
        if (this.#steps.has(work)) continue;
        const step = this.#next(work);
        planned.push({ step, label: `[${name}${index + 1}/${stage.steps.length}] ${title}`, stage: stage.label });
      }
    }
    this.#emit({ kind: 'plan', steps: planned });
  }

  /** Work that is no instruction: fetching a base. What it reports is told some times a second at most, and at its end. */
  async internal<T>(what: string, work: (report: (amount: Amount) => void) => Promise<T>): Promise<T> {
    const step = ++this.#count;
    this.#emit({ kind: 'plan', steps: [{ step, label: `[internal] ${what}`, stage: 'internal' }] });
    this.#emit({ kind: 'started', step, timeMs: this.#clock.now() });
    try {
      const result = await work(this.#reporter(step, what));
      this.#emit({ kind: 'finished', step, timeMs: this.#clock.now() });
      return result;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#emit({ kind: 'failed', step, timeMs: this.#clock.now(), message });
      throw error;
    }
  }

  #reporter(step: number, what: string): (amount: Amount) => void {
    let toldMs = 0;
    return ({ done, total, unit }) => {
      const nowMs = this.#clock.now();
      if (done !== total && nowMs - toldMs < reportEveryMs) return;
      toldMs = nowMs;
      this.#emit({ kind: 'progress', step, what, done, total, unit });
    };
  }

  /** `reason`: why it is not reused; undefined for steps that never are. */
  started(vertex: StepVertex, reason: string | undefined): void {
    this.#about(vertex, (step) => {
      this.#emit({ kind: 'started', step, timeMs: this.#clock.now() });
      if (reason !== undefined) this.#emit({ kind: 'reason', step, reason });
    });
  }

  /** Told once, however often it is looked up. */
  cached(vertex: StepVertex): void {
    this.#about(vertex, (step) => {
      if (this.#reused.has(step)) return;
      this.#reused.add(step);
      this.#emit({ kind: 'cached', step, timeMs: this.#clock.now() });
    });
  }

  finished(vertex: StepVertex, unchanged: boolean): void {
    this.#about(vertex, (step) => {
      if (unchanged) this.#emit({ kind: 'unchanged', step });
      this.#emit({ kind: 'finished', step, timeMs: this.#clock.now() });
    });
  }

  failed(vertex: StepVertex, message: string): void {
    this.#about(vertex, (step) => this.#emit({ kind: 'failed', step, timeMs: this.#clock.now(), message }));
  }

  cancelled(vertex: StepVertex): void {
    this.#about(vertex, (step) => this.#emit({ kind: 'cancelled', step, timeMs: this.#clock.now() }));
  }

  output(vertex: StepVertex, bytes: Uint8Array): void {
    this.#about(vertex, (step) => this.#emit({ kind: 'output', step, bytes }));
  }

  /** A layer of a size that takes its time is being written. */
  packing(vertex: StepVertex, doneBytes: number): void {
    const progress = { what: 'storing the layer', done: doneBytes, total: undefined, unit: 'bytes' } as const;
    this.#about(vertex, (step) => this.#emit({ kind: 'progress', step, ...progress }));
  }

  /** Another build is at the very step. */
  waiting(vertex: StepVertex): void {
    this.#about(vertex, (step) => this.#emit({ kind: 'waiting', step, timeMs: this.#clock.now() }));
  }

  warning(vertex: StepVertex | undefined, message: string): void {
    const step = vertex === undefined ? undefined : this.#steps.get(vertex);
    this.#emit({ kind: 'warning', step, message });
  }

  #about(vertex: StepVertex, tell: (step: number) => void): void {
    const step = this.#steps.get(vertex);
    if (step !== undefined) tell(step);
  }

  #next(vertex: StepVertex): number {
    this.#count += 1;
    this.#steps.set(vertex, this.#count);
    return this.#count;
  }
}

const reportEveryMs = 100;

/** As BuildKit has it: `linux/amd64->arm64` for a stage that runs on one platform for another. */
function platformLabel({ state: { platform }, targetPlatform: target }: LoweredStage): string {
  if (samePlatform(platform, target)) return formatPlatform(platform);
  const wanted =
    platform.os === target.os ? formatPlatform(target).slice(target.os.length + 1) : formatPlatform(target);
  return `${formatPlatform(platform)}->${wanted}`;
}

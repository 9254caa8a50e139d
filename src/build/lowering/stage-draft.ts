import type { ContainerConfig, History, Platform } from '../../oci/index.ts';
import type { Vertex } from '../../solver/index.ts';
import { splitVariable } from './config-instructions.ts';
import type { HistoryDraft, LoweredStage, StageState, Step } from './step.ts';
import type { StepResult } from '../step-result.ts';

/** What a stage begins with. */
export interface StageBase {
  readonly step: Step;
  readonly platform: Platform;
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  /** Of the base image. */
  readonly baseHistory: readonly History[];
  /** Of the stage below, where the base is one. */
  readonly history: readonly HistoryDraft[];
  readonly env: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/** A stage while its instructions are read one by one. */
export class StageDraft {
  readonly #steps: Step[];
  readonly #history: HistoryDraft[];
  readonly #counts = new Map<string, number>();
  #state: StageState;

  constructor({ step, platform, config, author, baseHistory, history, env, args }: StageBase) {
    this.#steps = [step];
    this.#history = [...history];
    this.#state = { platform, config, author, baseHistory, env, args, ownCommand: false };
  }

  get state(): StageState {
    return this.#state;
  }

  get tip(): Vertex<StepResult> {
    return (this.#steps.at(-1) as Step).vertex;
  }

  change(change: Partial<StageState>): void {
    this.#state = { ...this.#state, ...change };
  }

  declare(arg: string): void {
    this.change({ args: [...this.#state.args, arg] });
  }

  /** FROM included. */
  get stepCount(): number {
    return this.#steps.length;
  }

  /** An instruction that makes no layer. */
  note(createdBy: string): void {
    this.#history.push({ createdBy });
  }

  add(step: Step, createdBy: string): void {
    this.#steps.push(step);
    this.#history.push({ createdBy, step });
  }

  /** How many instructions of this kind came before; counts this one. */
  count(kind: string): number {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    return count;
  }

  finish(): Pick<LoweredStage, 'steps' | 'tip' | 'state' | 'history'> {
    return { steps: this.#steps, tip: this.tip, state: this.#state, history: this.#history };
  }
}

/** The variables of a config, as words are expanded with them. */
export function variablesOf(config: ContainerConfig): ReadonlyMap<string, string> {
  return new Map((config.Env ?? []).map(splitVariable));
}

import type { BuildEvent, BuildResult } from '../../engine/index.ts';

/** A way to show how a build goes on. Everything it prints goes to standard error. */
export interface BuildProgress {
  event(event: BuildEvent): void;
  /** The build is done; without a result it failed. Nothing comes after it. */
  end(result: BuildResult | undefined): void;
}

export type ProgressMode = 'auto' | 'plain' | 'tty' | 'rawjson' | 'quiet';

import type { DiffId } from '../oci/index.ts';

/** What a step of a build comes to: the layers up to and including its own, lowest first. */
export interface StepResult {
  readonly chain: readonly DiffId[];
}

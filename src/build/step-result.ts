import type { DiffId } from '../oci/index.ts';

/** What a step of a build comes to. */
export interface StepResult {
  /** The layers up to and including its own, lowest first. */
  readonly chain: readonly DiffId[];
  /** When it was made, in milliseconds since 1970: the image's history says so, however often it is reused. */
  readonly createdMs: number;
}

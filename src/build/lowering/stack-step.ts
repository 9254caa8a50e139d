import { recordOf, type Vertex } from '../../solver/index.ts';
import { bytesOf } from '../../std/index.ts';
import type { StepResult } from '../step-result.ts';

/**
 * What was made on its own, on top of a base that it knows nothing of. There is nothing to do: its layers say nothing
 * about what lies below them.
 */
export function stackStep(base: Vertex<StepResult>, made: Vertex<StepResult>): Vertex<StepResult> {
  return {
    label: made.label,
    slot: `${made.slot}/stack`,
    inputs: [base, made],
    record: recordOf({ op: bytesOf('stack') }),
    cache: 'off',
    run: async ({ inputs }) => {
      const [below, above] = inputs;
      const chain = [...(below?.chain ?? []), ...(above?.chain ?? [])];
      return { result: { chain, createdMs: above?.createdMs ?? 0 }, contentId: 'stack' };
    },
  };
}

import type { CachedOutcome } from '../../solver/index.ts';
import { bytesOf, showBytes } from '../../std/index.ts';
import type { StepResult } from '../step-result.ts';
import type { SharedCache } from './shared-caches.ts';
import type { SharedEntry } from './shared-entry.ts';

/** An entry and the cache that it is of. */
export interface Known {
  readonly entry: SharedEntry;
  readonly cache: SharedCache;
}

export function hasLayer({ entry, cache }: Known): boolean {
  return entry.layer === undefined || cache.layers.has(entry.layer);
}

/** What the step came to there, on top of what is below it here. */
export function outcomeOf(
  { layer, contentId, createdMs }: SharedEntry,
  below: StepResult | undefined,
): CachedOutcome<StepResult> {
  const chain = below?.chain ?? [];
  const result =
    layer === undefined ? { chain, createdMs: below?.createdMs ?? createdMs } : { chain: [...chain, layer], createdMs };
  return { result, contentId, definitionKey: ofNoStepHere };
}

/** The solver then keeps the result as that of the step that asked. */
const ofNoStepHere = '';

/** For messages: somebody else wrote it. */
export function shown({ label }: SharedEntry): string {
  const text = showBytes(bytesOf(label));
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}

const shownChars = 80;

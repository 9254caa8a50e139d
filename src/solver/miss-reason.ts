import { Fault } from '../errors/index.ts';
import type { Reason } from './reason.ts';
import { compareRecords } from './record-difference.ts';
import type { StepRecord } from './record.ts';
import type { EarlierStep } from './vertex.ts';

/**
 * Why a step with this record and content key was not reused, given its earlier builds, nearest first. An earlier build
 * with the very record is compared with before a nearer one that differs.
 */
export function explainMiss(record: StepRecord, contentKey: string, earlier: readonly EarlierStep[]): Reason {
  const same = earlier.filter((step) => step.recordDigest === record.digest);
  if (same.some((step) => step.contentKey === contentKey)) return { kind: 'result-missing' };
  if (same.length > 0) return { kind: 'base-changed' };
  for (const step of earlier) {
    const reason = changeSince(step, record);
    if (reason !== undefined) return reason;
  }
  return { kind: 'never-built' };
}

/** Undefined for a record that cannot be read any more, or is of another release: it explains nothing. */
function changeSince(step: EarlierStep, record: StepRecord): Reason | undefined {
  const packed = step.packed();
  if (packed === undefined) return undefined;
  try {
    return { kind: 'changed', ...compareRecords(packed, record.packed) };
  } catch (error) {
    if (Fault.is(error, 'corrupt')) return undefined;
    throw error;
  }
}

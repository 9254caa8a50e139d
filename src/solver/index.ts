/**
 * Runs a graph of steps with a cache, says why a step was not reused, and writes down what a step depends on in one
 * canonical form. Knows nothing of images, containers, files or where results are kept.
 */
export { contentKeyOf, definitionKeyOf, lineageOf, readingKeyOf } from './keys.ts';
export { explainMiss } from './miss-reason.ts';
export type { Change, ListCount, Reason } from './reason.ts';
export { compareRecords } from './record-difference.ts';
export type { RecordDifference } from './record-difference.ts';
export { readRecord, recordFrom } from './record-reader.ts';
export { createRecordWriter, recordOf } from './record-writer.ts';
export { compareNames } from './record.ts';
export type { RecordFields, RecordToken, RecordWriter, StepRecord } from './record.ts';
export { solve } from './solve.ts';
export type { SolveOptions } from './solve.ts';
export { orderVertices } from './vertex-order.ts';
export type {
  CacheEntry,
  CachedOutcome,
  EarlierStep,
  FindOptions,
  Outcome,
  Solved,
  SolveEvent,
  StepCache,
  StepContext,
  Vertex,
} from './vertex.ts';

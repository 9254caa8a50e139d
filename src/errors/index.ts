/**
 * How varve fails: one class, a closed set of codes, a hint for the person. Knows nothing of what failed.
 */
export { Fault } from './fault.ts';
export type { FaultCode, FaultOptions } from './fault.ts';

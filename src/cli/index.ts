/**
 * The terminal face: Docker's verbs, flags, output formats and exit codes over the engine. It knows the engine only by
 * its contract, and nothing of stores, layers or mounts; it is the only module that writes to a terminal.
 */
export { runProgram } from './program.ts';
export type { ProgramOptions } from './program.ts';

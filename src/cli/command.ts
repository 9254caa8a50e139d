import type { Engine } from '../engine/index.ts';
import type { FlagSet, ParsedFlags } from './flags.ts';
import type { Interruption } from './interruption.ts';
import type { InputStream, Output } from './output.ts';

/**
 * One verb of the command line. What it is called and what it does in one sentence stands in the command table, so
 * that the help of the program loads no command.
 */
export interface Command<F extends FlagSet> {
  /** What follows the verb: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly flags: F;
  /** How many operands there may be. */
  readonly operands: { readonly min: number; readonly max: number };
  /** Flags after the first operand belong to the operand. */
  readonly stopAtOperand?: boolean;
  /** What stands before the message of an error; `Error` where it is not given. */
  readonly errorLabel?: string;
  /** The exit code for whatever fails; 1 where it is not given. */
  readonly failureCode?: (error: unknown) => number;
  /** Gives the exit code. */
  readonly run: (input: ParsedFlags<F>, context: Context<Engine>) => Promise<number>;
}

/** A command whose flags nobody needs to know any more. */
export type AnyCommand = Omit<Command<FlagSet>, 'run'> & {
  readonly run: (input: ParsedFlags<never>, context: Context<Engine>) => Promise<number>;
};

/** What a command is given. `E` is the slice of the engine that it needs, declared by the command. */
export interface Context<E> {
  /** Opens the engine, once; the program closes it. */
  readonly openEngine: () => Promise<E>;
  readonly stdin: InputStream;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Tells of an error that does not end the command. */
  readonly report: (error: unknown) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly interruption: Interruption;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function defineCommand<const F extends FlagSet>(command: Command<F>): Command<F> {
  return command;
}

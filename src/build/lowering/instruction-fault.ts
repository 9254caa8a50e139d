import { formatExcerpt, type InstructionBase, type Position, type Span } from '../../dockerfile/index.ts';
import { Fault, type FaultCode } from '../../errors/index.ts';

/** The Dockerfile that is built: what an error shows. */
export interface DockerfileSource {
  readonly name: string;
  readonly text: string;
}

/** A mistake in one instruction: the message, then the place in the Dockerfile. */
export function instructionFault(
  source: DockerfileSource,
  instruction: Pick<InstructionBase, 'span'>,
  problem: { readonly code?: FaultCode; readonly message: string; readonly hint?: string; readonly cause?: unknown },
): Fault {
  const { code = 'invalid', message, hint, cause } = problem;
  return new Fault(code, `${message}\n${excerpt(source, instruction.span)}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What went wrong while an instruction was carried out, with its place; only what was cancelled has none. */
export function faultAt(source: DockerfileSource, instruction: Pick<InstructionBase, 'span'>, error: unknown): unknown {
  if (!Fault.is(error) || error.code === 'cancelled') return error;
  const { code, message, hint } = error;
  return instructionFault(source, instruction, {
    code,
    message,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

export function excerpt(source: DockerfileSource, span: Span, at?: Position): string {
  return formatExcerpt(source.text, span, { name: source.name, ...(at === undefined ? {} : { at }) });
}

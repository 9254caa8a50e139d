import { suggest, type Stage } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';

/** An image that cannot be had may be the misspelt name of a stage: the same failure, with a hint that says so. */
export function hintAtStage(error: unknown, name: string, stages: readonly Stage[]): unknown {
  const names = stages.flatMap((stage) => stage.name ?? []);
  const meant = suggest(name.toLowerCase(), names, { exactCase: true });
  if (meant === undefined || !Fault.is(error) || error.code === 'cancelled') return error;
  const question = `did you mean the stage ${meant}?`;
  const hint = error.hint === undefined ? question : `${error.hint}; or ${question}`;
  return new Fault(error.code, error.message, { hint, cause: error });
}

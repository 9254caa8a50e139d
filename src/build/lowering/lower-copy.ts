import type { AddInstruction, CopyInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { emptyBase } from './base-step.ts';
import { copyPlan, type CopyPlan } from '../copy/copy-plan.ts';
import { copyStep } from '../copy/copy-step.ts';
import { faultAt, instructionFault } from './instruction-fault.ts';
import { stackStep } from './stack-step.ts';
import type { StageScope } from './stage-scope.ts';

/**
 * COPY or ADD: a step that writes a layer from the context, a stage, an image or somewhere else. With `--link` it is a
 * copy onto nothing, which does not know what it is stacked on, and so is reused on any base.
 */
export async function lowerCopy(scope: StageScope, instruction: CopyInstruction | AddInstruction): Promise<void> {
  const { draft, build, onWarning } = scope;
  const expand = scope.expander(instruction);
  const plan = planned(scope, instruction);
  const name = instruction.kind === 'copy' ? originName(scope, instruction) : undefined;
  const from = name === undefined ? scope.context : await scope.origin(instruction, name);
  const basics = scope.basics(instruction);
  const { link } = instruction;
  const base = link ? emptyBase(build.sourceDateEpochSec).vertex : basics.base;
  const copied = scope.keep(copyStep({ ...basics, base, plan, instruction, from, onWarning }));
  const vertex = link ? stackStep(basics.base, copied) : copied;
  const title = copied.label;
  const createdBy = `${createdByOf(instruction, plan, expand.word(instruction.destination))}${origin(name)}`;
  draft.add(link ? { vertex, title, work: copied } : { vertex, title }, createdBy);
}

/** A name that depends on a variable is refused, as BuildKit does: what a stage needs is to be seen without running it. */
function originName(scope: StageScope, instruction: CopyInstruction): string | undefined {
  const { from } = instruction;
  if (from === undefined || scope.expander(instruction).word(from) === from.text) return from?.text;
  throw instructionFault(scope.source, instruction, {
    message:
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
  });
}

function planned(scope: StageScope, instruction: CopyInstruction | AddInstruction): CopyPlan {
  try {
    const plan = copyPlan(instruction, scope.expander(instruction), scope.draft.state.config.WorkingDir || '/');
    if (instruction.link) refuseNames(plan);
    return plan;
  } catch (error) {
    throw faultAt(scope.source, instruction, error);
  }
}

/** Names stand for numbers in the files of the base only. */
function refuseNames({ chown }: CopyPlan): void {
  if (chown === undefined || /^(\d+|root)(:(\d+|root))?$/.test(chown)) return;
  throw new Fault('invalid', `--chown=${chown}: a copy with --link knows no names, since it does not look below`, {
    hint: 'give the numbers of user and group',
  });
}

/** The instruction as the history shows it. */
function createdByOf({ kind }: CopyInstruction | AddInstruction, plan: CopyPlan, destination: string): string {
  const { chown, chmod, keepsParents, sources, inlineFiles } = plan;
  return [
    kind.toUpperCase(),
    ...(keepsParents ? ['--parents'] : []),
    ...(chown === undefined ? [] : [`--chown=${chown}`]),
    ...(chmod === undefined ? [] : [`--chmod=${chmod}`]),
    ...sources,
    ...inlineFiles.map((file) => `<<${file.name}`),
    destination,
  ].join(' ');
}

function origin(name: string | undefined): string {
  return name === undefined ? '' : ` # from=${name}`;
}

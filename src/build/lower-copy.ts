import type { AddInstruction, CopyInstruction } from '../dockerfile/index.ts';
import { copyPlan } from './copy-plan.ts';
import { copyStep } from './copy-step.ts';
import type { Expander } from './expander.ts';
import { instructionFault, notThereYet } from './instruction-fault.ts';
import { refusedFlag } from './refused-flags.ts';
import type { StageScope } from './stage-scope.ts';

/** COPY or ADD: a step that writes a layer from the context, a stage, an image or somewhere else. */
export async function lowerCopy(scope: StageScope, instruction: CopyInstruction | AddInstruction): Promise<void> {
  const { draft, onWarning } = scope;
  const flag = refusedFlag(instruction);
  if (flag !== undefined) throw notThereYet(scope.source, instruction, flag);
  const expand = scope.expander(instruction);
  const plan = copyPlan(instruction, expand, draft.state.config.WorkingDir || '/');
  const name =
    instruction.kind === 'copy' && instruction.from !== undefined ? originName(scope, instruction, expand) : undefined;
  const from = name === undefined ? scope.context : await scope.origin(instruction, name);
  const vertex = scope.keep(copyStep({ ...scope.basics(instruction), plan, instruction, from, onWarning }));
  const options = [
    plan.chown === undefined ? '' : `--chown=${plan.chown} `,
    plan.chmod ? `--chmod=${plan.chmod} ` : '',
  ];
  const inline = plan.inlineFiles.map((file) => `<<${file.name}`);
  const words = [...plan.sources, ...inline, expand.word(instruction.destination)];
  const origins = name === undefined ? '' : ` # from=${name}`;
  const createdBy = `${instruction.kind.toUpperCase()} ${options.join('')}${words.join(' ')}${origins}`;
  draft.add({ vertex, title: instruction.original }, createdBy);
}

/** A name that depends on a variable is refused, as BuildKit does: what a stage needs is to be seen without running it. */
function originName(scope: StageScope, instruction: CopyInstruction, expand: Expander): string {
  const { from } = instruction;
  const name = from === undefined ? '' : expand.word(from);
  if (name === from?.text) return name;
  const message =
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround';
  throw instructionFault(scope.source, instruction, { message });
}

import type { ArgInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import type { ContainerConfig } from '../../oci/index.ts';
import { applyConfigInstruction, type ConfigInstruction } from './config-instructions.ts';
import { instructionFault } from './instruction-fault.ts';
import { variablesOf } from './stage-draft.ts';
import type { StageScope } from './stage-scope.ts';
import { workdirStep } from './workdir-step.ts';

/** ARG: what it declares is seen from here on, by those behind it on the same line too. */
export function lowerArg(scope: StageScope, instruction: ArgInstruction): void {
  const { draft, args } = scope;
  const expand = scope.expander(instruction);
  const shown: string[] = [];
  for (const { name: word, defaultValue } of instruction.args) {
    const name = expand.word(word);
    const value = args.value(name, defaultValue === undefined ? undefined : expand.word(defaultValue));
    if (value !== undefined) draft.change({ env: new Map([...draft.state.env, [name, value]]) });
    shown.push(value === undefined ? name : `${name}=${value}`);
    draft.declare(name);
  }
  draft.note(`ARG ${shown.join(' ')}`);
}

/** An instruction that changes the config, and no file; WORKDIR, which may also make a folder. */
export function lowerConfig(scope: StageScope, instruction: ConfigInstruction): void {
  const { draft } = scope;
  const { config, ownCommand } = draft.state;
  const expand = scope.expander(instruction);
  const change = located(scope, instruction, () => applyConfigInstruction(config, instruction, { expand, ownCommand }));
  const names = instruction.kind === 'env' ? instruction.variables.map(({ name }) => expand.word(name)) : [];
  draft.change({
    config: change.config,
    env: new Map([...draft.state.env, ...assigned(names, change.config)]),
    ownCommand: ownCommand || instruction.kind === 'cmd',
    ...(change.author === undefined ? {} : { author: change.author }),
  });
  const makesFolder = instruction.kind === 'workdir' && change.config.WorkingDir !== '/';
  if (!makesFolder) return draft.note(change.createdBy);
  const vertex = workdirStep({ ...scope.basics(instruction), state: draft.state });
  draft.add({ vertex, title: instruction.original }, change.createdBy);
}

/** What an ENV set, also where it set what the config says already: an ARG of that name may have come between. */
function assigned(names: readonly string[], config: ContainerConfig): readonly (readonly [string, string])[] {
  const variables = variablesOf(config);
  return names.map((name) => [name, variables.get(name) ?? '']);
}

/** Shows the place of a failure that does not tell it yet. */
function located<T>(scope: StageScope, instruction: ConfigInstruction, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!Fault.is(error) || error.message.includes('\n')) throw error;
    throw instructionFault(scope.source, instruction, { message: error.message });
  }
}

import type { RunInstruction } from '../dockerfile/index.ts';
import { notThereYet } from './instruction-fault.ts';
import { refusedFlag } from './refused-flags.ts';
import { runCreatedBy, runStep } from './run-step.ts';
import type { StageScope } from './stage-scope.ts';

/** RUN: a step that runs a command on what the stage has come to. */
export function lowerRun(scope: StageScope, instruction: RunInstruction): void {
  const { draft, build, args, onOutput, onWarning } = scope;
  const flag = refusedFlag(instruction);
  if (flag !== undefined) throw notThereYet(scope.source, instruction, flag);
  const asked = instruction.network === 'default' ? build.network : instruction.network;
  const { state } = draft;
  const vertex = runStep({
    ...scope.basics(instruction),
    instruction,
    state,
    network: asked,
    hiddenEnv: args.proxies,
    onOutput,
    onWarning,
  });
  draft.add({ vertex, title: instruction.original }, runCreatedBy(instruction, state));
}

import type { CmdInstruction, EntrypointInstruction, HealthcheckInstruction } from '../instruction.ts';
import type { CheckLog } from './check-report.ts';

type Command = CmdInstruction | EntrypointInstruction | HealthcheckInstruction;

/** The CMD, ENTRYPOINT and HEALTHCHECK that a stage has so far. */
export type StageCommands = Map<Command['kind'], Command>;

/** MultipleInstructionsDisallowed: shown at the earlier one, which is of no effect. */
export function checkUsedOnce(instruction: Command, earlier: StageCommands, log: CheckLog): void {
  const name = instruction.keyword.text;
  const before = earlier.get(instruction.kind);
  earlier.set(instruction.kind, instruction);
  if (before === undefined) return;
  const message = `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`;
  const comments = [...before.comments, ...instruction.comments];
  log.find('MultipleInstructionsDisallowed', message, { instruction: { span: before.span, comments } });
}

/** JSONArgsRecommended: a shell between the program and the signals that are sent to it, not asked for by SHELL. */
export function checkForm(
  instruction: CmdInstruction | EntrypointInstruction,
  stage: { readonly hasShell: boolean },
  log: CheckLog,
): void {
  if (instruction.command.form === 'exec' || stage.hasShell) return;
  const name = instruction.keyword.text;
  const message = `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`;
  log.find('JSONArgsRecommended', message, { instruction });
}

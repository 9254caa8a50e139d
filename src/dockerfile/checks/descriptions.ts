import type { ArgInstruction, FromInstruction } from '../instruction.ts';
import type { CheckLog } from './check-report.ts';

/** InvalidDefinitionDescription: a comment right above an ARG or a named stage should begin with the name. */
export function checkDescription(instruction: ArgInstruction | FromInstruction, log: CheckLog): void {
  const names = instruction.kind === 'arg' ? instruction.args.map(({ name }) => name.text) : stageNames(instruction);
  const comment = instruction.comments.at(-1);
  if (comment === undefined || names.length === 0 || names.includes(comment.split(' ', 1)[0] ?? '')) return;
  const example = names.length > 1 ? '<arg_key>' : names[0];
  const message = `Comment for ${instruction.kind.toUpperCase()} should follow the format: \`# ${example} <description>\``;
  log.find('InvalidDefinitionDescription', message, { instruction });
}

function stageNames({ name }: FromInstruction): readonly string[] {
  return name === undefined ? [] : [name];
}

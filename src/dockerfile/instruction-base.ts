import type { CommandLine, InstructionBase } from './instruction.ts';
import type { RawNode } from './parse-tree.ts';
import type { Word } from './position.ts';

export function baseOf(node: RawNode): InstructionBase {
  const { keyword, original, span, comments } = node;
  return { keyword, original, span, comments };
}

/** The arguments as a command; without any, the shell is given an empty text. */
export function commandLine(node: RawNode, args: readonly Word[] = node.args): CommandLine {
  if (node.json) return { form: 'exec', args };
  return { form: 'shell', script: args[0] ?? { text: '', span: node.keyword.span } };
}

import { heredocText, parseHeredocMark } from './heredoc.ts';
import type { RunInstruction } from './instruction.ts';

/** What a RUN starts. */
export type RunScript =
  | { readonly kind: 'exec'; readonly args: readonly string[] }
  /** A text for the stage's shell: `/bin/sh -c TEXT`. */
  | { readonly kind: 'shell'; readonly script: string }
  /**
   * A text that names its own interpreter in a first line `#!…`: it is put into a file called `name` outside of the
   * layer, executable, and the stage's shell is given the file's path.
   */
  | { readonly kind: 'file'; readonly name: string; readonly content: string };

/** Puts a RUN's line and its here-documents together. Nothing is expanded: that is the shell's business. */
export function runScript(run: Pick<RunInstruction, 'command' | 'heredocs'>): RunScript {
  const { command, heredocs } = run;
  if (command.form === 'exec') return { kind: 'exec', args: command.args.map((word) => word.text) };
  const line = command.script.text;
  const [only] = heredocs;
  if (only === undefined) return { kind: 'shell', script: line };
  if (heredocs.length === 1 && parseHeredocMark(line).kind === 'heredoc') {
    const content = heredocText(only);
    return content.startsWith('#!') ? { kind: 'file', name: only.name, content } : { kind: 'shell', script: content };
  }
  const bodies = heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return { kind: 'shell', script: line + bodies.join('') };
}

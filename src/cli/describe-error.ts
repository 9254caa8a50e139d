import { Fault } from '../errors/index.ts';
import { escapeControls } from './escape-controls.ts';

const deepestCause = 16;

/**
 * What a person reads of an error: the message and what can be done about it. An error that is not a Fault is a mistake
 * in varve and says so. With `debug` the places and all causes follow.
 */
export function describeError(error: unknown, options: { readonly debug: boolean; readonly label?: string }): string {
  const message = error instanceof Error ? error.message : String(error);
  const foreseen = Fault.is(error);
  const lines = [`${options.label ?? 'Error'}: ${foreseen ? '' : 'internal: '}${message}`];
  if (foreseen && error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  if (!foreseen && !options.debug)
    lines.push('hint: this is a mistake in varve; run again with --debug before the command to see where');
  if (options.debug) lines.push(...stacks(error));
  return `${escapeControls(lines.join('\n'))}\n`;
}

function stacks(error: unknown): string[] {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < deepestCause && current !== undefined; depth++) {
    const stack = current instanceof Error ? (current.stack ?? current.message) : String(current);
    lines.push(depth === 0 ? stack : `caused by: ${stack}`);
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
}

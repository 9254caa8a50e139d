import type { Span } from './position.ts';

/**
 * Something to tell the author of a file. An `error` means that the file cannot be built; a `warning` never changes
 * what is built. `rule` is stable and names the kind of finding; for the build checks it is the check's own name.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  /** One sentence as BuildKit words it, where BuildKit has one; without a line number. */
  readonly message: string;
  /** The words it is about. */
  readonly span: Span;
  /** The whole instruction in which they stand. */
  readonly instruction: Span;
  readonly hint?: string;
}

export type Severity = Diagnostic['severity'];

/** True if one of them forbids a build. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((each) => each.severity === 'error');
}

/** The message with its line, as BuildKit prints it: `dockerfile parse error on line 3: unknown instruction: FORM`. */
export function formatMessage(diagnostic: Diagnostic): string {
  if (diagnostic.severity === 'warning') return `${diagnostic.message} (line ${diagnostic.span.start.line})`;
  return `dockerfile parse error on line ${diagnostic.instruction.start.line}: ${diagnostic.message}`;
}

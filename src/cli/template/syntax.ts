import { Fault } from '../../errors/index.ts';

/** The tree of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipe: Pipe }
  | Branch
  | { readonly kind: 'break' | 'continue' };

/** `{{if}}`, `{{with}}`, `{{range}}`, each with its `{{else}}`. */
export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** `$a, $b := first | second arg`: each command's value is the last argument of the next. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` gives a new value to a variable, `:=` makes one. */
  readonly declares: boolean;
  readonly commands: readonly Call[];
}

/** An operand, or a function or method with its arguments. */
export interface Call extends Place {
  readonly operands: readonly Operand[];
}

export type Operand = Place &
  (
    | { readonly kind: 'dot' }
    | { readonly kind: 'literal'; readonly value: unknown }
    | { readonly kind: 'function'; readonly name: string }
    | { readonly kind: 'variable'; readonly name: string }
    | { readonly kind: 'pipe'; readonly pipe: Pipe }
    | { readonly kind: 'field'; readonly of: Operand; readonly name: string }
  );

/** Where something stands, as errors name it. */
export interface Place {
  /** `1:8`: line from 1, byte column from 0. */
  readonly position: string;
  readonly source: string;
}

export function syntaxFault(line: number, message: string): Fault {
  return new Fault('invalid', `template parsing error: template: :${line}: ${message}`);
}

export function executionFault(place: Place, message: string): Fault {
  const where = `executing "" at <${place.source}>`;
  return new Fault('invalid', `template parsing error: template: :${place.position}: ${where}: ${message}`);
}

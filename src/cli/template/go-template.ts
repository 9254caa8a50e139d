import { evaluate } from './evaluate.ts';
import { parseTemplate } from './parse.ts';

/**
 * A text template in the language of Go's `text/template`, as Docker's `--format` takes it: fields, pipelines, `if`,
 * `range`, `with`, variables, the built-in functions and those that Docker adds (`json`, `join`, `upper`, …).
 *
 * Data are plain values: objects are Go's maps (ranged over in the order of their keys), functions in them are
 * methods (`{{.Label "name"}}`). A field that is not there is an error, never an empty text.
 */
export interface GoTemplate {
  /** The text for `data`. Fault `invalid`, worded as Go words it: `template: :1:2: executing "" at <.X>: …`. */
  render(data: unknown): string;
}

/** Fault `invalid` where the source is not a template. */
export function compileTemplate(source: string): GoTemplate {
  const nodes = parseTemplate(source);
  return { render: (data) => evaluate(nodes, data) };
}

import { templateFunctions } from './functions.ts';
import { syntaxFault } from './syntax.ts';
import type { Call, Node, Operand, Pipe } from './syntax.ts';
import { cutTemplate, lineAt } from './tokens.ts';
import type { Segment, Token } from './tokens.ts';

const notThere = new Set(['define', 'template', 'block']);
const escapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Fault `invalid`, with the line, where the source is not a template. */
export function parseTemplate(source: string): readonly Node[] {
  const parser = new Parser(source);
  const { nodes } = parser.readList([]);
  return nodes;
}

class Parser {
  readonly #source: string;
  readonly #segments: Iterator<Segment>;
  #tokens: readonly Token[] = [];
  #at = 0;
  #line = 1;
  #rangeDepth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#segments = cutTemplate(source);
  }

  /** Nodes up to one of `enders`, which is taken; up to the end of the source where there are none. */
  readList(enders: readonly string[]): { nodes: Node[]; ender: string } {
    const nodes: Node[] = [];
    for (;;) {
      const next = this.#segments.next();
      if (next.done === true) {
        if (enders.length > 0) throw this.#fault('unexpected EOF');
        return { nodes, ender: '' };
      }
      if (next.value.kind === 'text') {
        nodes.push(next.value);
        continue;
      }
      this.#tokens = next.value.tokens;
      this.#line = next.value.line;
      this.#at = 0;
      const word = this.#peek()?.kind === 'word' ? (this.#peek()?.text ?? '') : '';
      if (word === 'end' || word === 'else') {
        if (!enders.includes(word)) throw this.#fault(`unexpected {{${word}}}`);
        this.#at++;
        return { nodes, ender: word };
      }
      nodes.push(this.#readAction(word));
    }
  }

  #readAction(word: string): Node {
    if (word === 'if' || word === 'with' || word === 'range') return this.#readBranch(word);
    if (word === 'break' || word === 'continue') {
      if (this.#rangeDepth === 0) throw this.#fault(`{{${word}}} outside {{range}}`);
      return { kind: word };
    }
    if (notThere.has(word)) throw this.#fault(`{{${word}}} is not supported`);
    return { kind: 'output', pipe: this.#readPipe('command') };
  }

  #readBranch(kind: 'if' | 'with' | 'range'): Node {
    this.#at++;
    const pipe = this.#readPipe(kind);
    if (kind === 'range') this.#rangeDepth++;
    const { nodes: body, ender } = this.readList(['end', 'else']);
    if (kind === 'range') this.#rangeDepth--;
    const otherwise = ender === 'else' ? this.#readElse() : [];
    return { kind, pipe, body, otherwise };
  }

  /** After `else`: another `if` or `with` shares the one `end`. */
  #readElse(): readonly Node[] {
    const word = this.#peek()?.text;
    if (word === 'if' || word === 'with') return [this.#readBranch(word)];
    return this.readList(['end']).nodes;
  }

  #readPipe(context: string): Pipe {
    const { variables, declares } = this.#readVariables();
    const commands: Call[] = [];
    do {
      if (this.#peek()?.text === '|') this.#at++;
      commands.push(this.#readCall(context));
    } while (this.#peek()?.text === '|');
    const stray = this.#peek();
    if (stray !== undefined && stray.text !== ')') throw this.#fault(`unexpected "${stray.text}" in ${context}`);
    return { variables, declares, commands };
  }

  #readVariables(): { variables: string[]; declares: boolean } {
    const start = this.#at;
    const variables: string[] = [];
    while (this.#peek()?.kind === 'variable') {
      variables.push(this.#take().text);
      const sign = this.#peek()?.text;
      if (sign !== ',' && sign !== ':=' && sign !== '=') break;
      this.#at++;
      if (sign !== ',') return { variables, declares: sign === ':=' };
    }
    this.#at = start;
    return { variables: [], declares: false };
  }

  #readCall(context: string): Call {
    const operands: Operand[] = [];
    const start = this.#peek();
    while (this.#peek() !== undefined && this.#peek()?.text !== '|' && this.#peek()?.text !== ')') {
      operands.push(this.#readOperand());
    }
    const first = operands[0];
    if (first === undefined || start === undefined) throw this.#fault(`missing value for ${context}`);
    const source = operands.map((operand) => operand.source).join(' ');
    return { operands, source, position: first.position };
  }

  #readOperand(): Operand {
    let operand = this.#readTerm(this.#take());
    while (this.#peek()?.kind === 'field' && this.#peek()?.afterSpace === false) {
      const field = this.#take();
      const source = operand.kind === 'dot' ? field.text : operand.source + field.text;
      operand = { kind: 'field', of: operand, name: field.text.slice(1), source, position: this.#position(field) };
    }
    return operand;
  }

  #readTerm(token: Token): Operand {
    const place = { source: token.text, position: this.#position(token) };
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot', ...place };
      case 'field':
        return { kind: 'field', of: { kind: 'dot', ...place }, name: token.text.slice(1), ...place };
      case 'variable':
        return { kind: 'variable', name: token.text, ...place };
      case 'string':
        return { kind: 'literal', value: unquote(token.text), ...place };
      case 'character':
        return { kind: 'literal', value: unquote(token.text).codePointAt(0), ...place };
      case 'number':
        return { kind: 'literal', value: Number(token.text.replaceAll('_', '')), ...place };
      case 'word':
        return this.#readWord(token);
      case 'sign':
        return this.#readParenthesis(token);
    }
  }

  #readWord(token: Token): Operand {
    const place = { source: token.text, position: this.#position(token) };
    const constants = new Map<string, unknown>([
      ['true', true],
      ['false', false],
      ['nil', null],
    ]);
    if (constants.has(token.text)) return { kind: 'literal', value: constants.get(token.text), ...place };
    if (!templateFunctions.has(token.text)) throw this.#fault(`function "${token.text}" not defined`);
    return { kind: 'function', name: token.text, ...place };
  }

  #readParenthesis(token: Token): Operand {
    if (token.text !== '(') throw this.#fault(`unexpected "${token.text}" in operand`);
    const pipe = this.#readPipe('parenthesized pipeline');
    const close = this.#peek();
    if (close?.text !== ')') throw this.#fault('unclosed left paren');
    this.#at++;
    return {
      kind: 'pipe',
      pipe,
      source: this.#source.slice(token.offset, close.offset + 1),
      position: this.#position(token),
    };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #take(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#fault('unexpected end of action');
    return token;
  }

  #position(token: Token): string {
    const before = this.#source.slice(0, token.offset);
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    return `${lineAt(this.#source, token.offset)}:${column}`;
  }

  #fault(message: string): Error {
    return syntaxFault(this.#line, message);
  }
}

function unquote(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal.startsWith('`')) return inner;
  return inner.replaceAll(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/g,
    (
      _,
      hex: string | undefined,
      short: string | undefined,
      long: string | undefined,
      octal: string | undefined,
      letter: string,
    ) => {
      const code = hex ?? short ?? long;
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      return escapes[letter] ?? letter;
    },
  );
}

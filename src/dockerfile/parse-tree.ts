import {
  type Arguments,
  blankSeparated,
  maybeJson,
  nameValues,
  quotedWords,
  typeAndCommand,
  wholeRest,
} from './argument-forms.ts';
import { type Directives, readDirectives } from './directives.ts';
import type { Findings } from './findings.ts';
import { type Heredoc, type HeredocMark, heredocMarks } from './heredoc.ts';
import { type LineRange, rangeOf, textOfRange, wordAt } from './logical-line.ts';
import { type Span, type Word, spanOf } from './position.ts';
import {
  type JoinedLine,
  type SourceLines,
  commentText,
  isComment,
  isTooLong,
  maxLineBytes,
  readLogicalLine,
  sourceLines,
  withoutReturns,
} from './source-lines.ts';
import { splitCommand } from './split-command.ts';
import { trimStart } from './white-space.ts';
import type { Escape } from './lexer-state.ts';

/** An instruction before its meaning is known: its parts as BuildKit's own syntax tree has them. */
export interface RawNode {
  /** As written: `RUN`, `run`, or something that is no instruction at all. */
  readonly keyword: Word;
  /** `--name=value`, unquoted. */
  readonly flags: readonly Word[];
  readonly args: readonly Word[];
  /** True if the arguments were a JSON array of strings. */
  readonly json: boolean;
  /** ONBUILD's instruction. */
  readonly nested?: RawNode;
  readonly heredocs: readonly Heredoc[];
  /** The line with its continuations joined, without here-documents. */
  readonly original: string;
  /** From the first character to the end of the last line, here-documents included. */
  readonly span: Span;
  /** The comment lines right above, without their `#`. */
  readonly comments: readonly string[];
}

export interface ParseTree {
  readonly directives: Directives;
  readonly nodes: readonly RawNode[];
}

/**
 * Splits a file into nodes. A line that cannot be read is reported and left out; reading goes on
 * behind it, unless there are lines that are too long for any instruction.
 */
export function parseTree(text: string, findings: Findings): ParseTree {
  const source = sourceLines(text);
  const { directives, count, problems } = readDirectives(source.lines);
  for (const { message, span } of problems) findings.report({ rule: 'directive', message, span, instruction: span });
  source.next = reportLongLines(source.lines, findings) ? source.lines.length : count;
  const nodes: RawNode[] = [];
  let comments: string[] = [];
  while (source.next < source.lines.length && !findings.isFull()) {
    const line = source.lines[source.next] ?? '';
    if (isComment(line)) {
      const comment = commentText(line);
      if (comment === '') comments = [];
      else comments.push(comment);
      source.next++;
    } else if (trimStart(line) === '') source.next++;
    else {
      const node = readNode(source, { escape: directives.escape, comments, findings });
      comments = [];
      if (node !== undefined) nodes.push(node);
    }
  }
  return { directives, nodes };
}

interface NodeContext {
  readonly escape: Escape;
  readonly comments: readonly string[];
  readonly findings: Findings;
}

function readNode(source: SourceLines, context: NodeContext): RawNode | undefined {
  const joined = readLogicalLine(source, context.escape);
  const { line, startLine } = joined;
  const range = rangeOf(line, 0, line.text.length);
  const column = line.pieces[0]?.column ?? 1;
  const endOf = (): Span => spanOf(startLine, column, source.next, lengthOf(source, source.next) + 1);
  if (joined.hasEmptyContinuation) warnOfEmptyContinuation(joined, endOf(), context.findings);
  const parsed = parseNode(range, { escape: context.escape, depth: 0 });
  if (parsed.kind === 'invalid') {
    const span = endOf();
    context.findings.report({
      rule: 'syntax',
      message: parsed.message,
      span: parsed.word?.span ?? span,
      instruction: span,
    });
    return undefined;
  }
  const heredocs = takesHeredocs(parsed.node) ? readHeredocs(source, line.text, { span: endOf(), ...context }) : [];
  if (heredocs === undefined) return undefined;
  return { ...parsed.node, heredocs, span: endOf(), comments: context.comments, original: line.text };
}

function lengthOf(source: SourceLines, line: number): number {
  return withoutReturns(source.lines[line - 1] ?? '').length;
}

function reportLongLines(lines: readonly string[], findings: Findings): boolean {
  let isAny = false;
  for (const [index, line] of lines.entries()) {
    if (!isTooLong(line)) continue;
    const span = spanOf(index + 1, 1, index + 1, withoutReturns(line).length + 1);
    const message = `dockerfile line greater than max allowed size of ${maxLineBytes}`;
    findings.report({ rule: 'line-length', message, span, instruction: span });
    isAny = true;
  }
  return isAny;
}

function warnOfEmptyContinuation(joined: JoinedLine, span: Span, findings: Findings): void {
  const message = `Empty continuation line found in: ${joined.line.text}`;
  findings.report({ severity: 'warning', rule: 'NoEmptyContinuation', message, span, instruction: span });
}

type BareNode = Omit<RawNode, 'span' | 'comments'>;
type ParsedNode = { readonly kind: 'node'; readonly node: BareNode } | Extract<Arguments, { kind: 'invalid' }>;

interface NodeOptions {
  readonly escape: Escape;
  /** How many ONBUILDs stand around it. */
  readonly depth: number;
}

function parseNode(range: LineRange, options: NodeOptions): ParsedNode {
  const { keyword, flags, rest } = splitCommand(range);
  const base = { keyword, flags, heredocs: [], original: textOfRange(range) };
  if (keyword.text.toLowerCase() === 'onbuild' && rest.start < rest.end) {
    return parseOnbuild(rest, { ...base, args: [], json: false }, options);
  }
  const args = parseArguments(keyword.text, rest, options.escape);
  return args.kind === 'invalid' ? args : { kind: 'node', node: { ...base, args: args.words, json: args.json } };
}

/** An ONBUILD in an ONBUILD is refused later, whatever it holds, so that nothing below the second is read. */
function parseOnbuild(rest: LineRange, base: BareNode, options: NodeOptions): ParsedNode {
  if (options.depth > 1) return { kind: 'node', node: base };
  const nested = parseNode(rest, { ...options, depth: options.depth + 1 });
  if (nested.kind === 'invalid') return nested;
  const span = wordAt(rest.line, rest.start, rest.end).span;
  return { kind: 'node', node: { ...base, nested: { ...nested.node, span, comments: [] } } };
}

function parseArguments(keyword: string, rest: LineRange, escape: Escape): Arguments {
  const name = keyword.toUpperCase();
  switch (name) {
    case 'ADD':
    case 'COPY':
    case 'VOLUME':
      return maybeJson(rest, blankSeparated);
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
    case 'SHELL':
      return maybeJson(rest, wholeRest);
    case 'FROM':
    case 'EXPOSE':
      return blankSeparated(rest);
    case 'ENV':
    case 'LABEL':
      return nameValues(rest, name, escape);
    case 'ARG':
      return quotedWords(rest, escape);
    case 'HEALTHCHECK':
      return typeAndCommand(rest);
    default:
      return wholeRest(rest);
  }
}

function takesHeredocs(node: BareNode): boolean {
  const { keyword, json } = node.keyword.text.toLowerCase() === 'onbuild' ? (node.nested ?? node) : node;
  return !json && ['add', 'copy', 'run'].includes(keyword.text.toLowerCase());
}

interface HeredocContext {
  /** The instruction as far as it was read. */
  readonly span: Span;
  readonly findings: Findings;
}

function readHeredocs(source: SourceLines, line: string, context: HeredocContext): Heredoc[] | undefined {
  const heredocs: Heredoc[] = [];
  for (const result of heredocMarks(line)) {
    const heredoc = result.kind === 'heredoc' ? readHeredoc(source, result.mark, context) : undefined;
    if (result.kind === 'invalid') {
      context.findings.report({
        rule: 'heredoc',
        message: result.message,
        span: context.span,
        instruction: context.span,
      });
    }
    if (heredoc === undefined) return undefined;
    heredocs.push(heredoc);
  }
  return heredocs;
}

/** Reads to the line that ends the text; without one, all the rest of the file is text, and lost. */
function readHeredoc(source: SourceLines, mark: HeredocMark, context: HeredocContext): Heredoc | undefined {
  const first = source.next;
  let last = first;
  while (last < source.lines.length && !endsHeredoc(source.lines[last] ?? '', mark)) last++;
  if (last === source.lines.length) {
    source.next = last;
    const { span } = context;
    const hint = `no line below holds only ${JSON.stringify(mark.name)}`;
    context.findings.report({ rule: 'heredoc', message: 'unterminated heredoc', span, instruction: span, hint });
    return undefined;
  }
  source.next = last + 1;
  const content = source.lines.slice(first, last).map((line) => `${line}\n`);
  return { ...mark, content: content.join(''), span: spanOf(first + 1, 1, last + 1, lengthOf(source, last + 1) + 1) };
}

function endsHeredoc(line: string, mark: HeredocMark): boolean {
  const text = withoutReturns(line);
  return (mark.stripTabs ? text.replace(/^\t+/, '') : text) === mark.name;
}

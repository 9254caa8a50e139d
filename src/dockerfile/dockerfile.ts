import type { Diagnostic } from './diagnostic.ts';
import type { Directives } from './directives.ts';
import { type Findings, createFindings } from './findings.ts';
import type { ArgInstruction, FromInstruction, Instruction, StageInstruction } from './instruction.ts';
import { type RawNode, parseTree } from './parse-tree.ts';
import { type Span, type Word, spanOf } from './position.ts';
import { descriptionOf, typedInstruction } from './typed-instruction.ts';

/**
 * A Dockerfile as it was read.
 *
 * Reading never throws and never stops at the first mistake: what could be read is here, what could not is in
 * `diagnostics`, in the order of the source. With an error among them (see `hasErrors`) the rest is for showing, not
 * for building.
 */
export interface Dockerfile {
  readonly directives: Directives;
  /** The ARGs above the first FROM. */
  readonly metaArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly diagnostics: readonly Diagnostic[];
  /** The text that all lines and columns refer to: without a byte-order mark. */
  readonly source: string;
}

/** A FROM and what follows it. */
export interface Stage {
  readonly index: number;
  /** In lower case. */
  readonly name?: string;
  /** An image, an earlier stage, or `scratch`; expanded with the ARGs above the first FROM. */
  readonly base: Word;
  readonly platform?: Word;
  /** What the comment above says of it: `# name text`. */
  readonly description?: string;
  readonly from: FromInstruction;
  readonly instructions: readonly StageInstruction[];
  /** From FROM to the end of the last instruction. */
  readonly span: Span;
}

/** Larger files are refused unread. */
export const maxDockerfileBytes = 16 << 20;

/** More are refused, since each carries the state of those before it: the longest file that people wrote has hundreds. */
export const maxInstructions = 10_000;

const wholeStart = spanOf(1, 1, 1, 1);

/** Reads a Dockerfile of any version of the language. */
export function parseDockerfile(input: Uint8Array | string): Dockerfile {
  const findings = createFindings();
  const source = decode(input, findings);
  const { directives, nodes } = parseTree(source, findings);
  const { metaArgs, stages } = sortIntoStages(nodes, findings);
  if (nodes.length === 0 && findings.sorted().length === 0) {
    reportFile(findings, { message: 'file with no instructions', hint: 'a Dockerfile begins with FROM' });
  } else if (stages.length === 0 && findings.sorted().length === 0) {
    reportFile(findings, { message: 'dockerfile contains no stages to build', hint: 'add a FROM instruction' });
  }
  return { directives, metaArgs, stages, diagnostics: findings.sorted(), source };
}

export type Trigger =
  | { readonly kind: 'instruction'; readonly instruction: StageInstruction }
  | { readonly kind: 'invalid'; readonly diagnostics: readonly Diagnostic[] };

/** Reads the text of an ONBUILD trigger as image configurations hold it: one instruction, not FROM or ONBUILD. */
export function parseTrigger(text: string): Trigger {
  const findings = createFindings();
  const { nodes } = parseTree(text, findings);
  const [node] = nodes;
  const instruction = node && nodes.length === 1 ? typedInstruction(node, findings) : undefined;
  if (instruction === undefined || instruction.kind === 'from' || instruction.kind === 'onbuild') {
    const message = `onbuild trigger should be a single instruction: ${text}`;
    if (findings.sorted().length === 0) reportFile(findings, { message });
    return { kind: 'invalid', diagnostics: findings.sorted() };
  }
  return { kind: 'instruction', instruction };
}

function reportFile(findings: Findings, problem: { readonly message: string; readonly hint?: string }): void {
  findings.report({ rule: 'file', span: wholeStart, instruction: wholeStart, ...problem });
}

function decode(input: Uint8Array | string, findings: Findings): string {
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
  if (bytes > maxDockerfileBytes) {
    reportFile(findings, { message: `a Dockerfile may have ${maxDockerfileBytes} bytes, this one has ${bytes}` });
    return '';
  }
  const text = typeof input === 'string' ? input : new TextDecoder('utf-8', { ignoreBOM: true }).decode(input);
  if (typeof input !== 'string' && text.includes('\ufffd')) reportEncoding(text, findings);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** Bytes that are not UTF-8 would come out as other bytes in a layer or a configuration. */
function reportEncoding(text: string, findings: Findings): void {
  const at = text.indexOf('\ufffd');
  const before = text.slice(0, at).split('\n');
  const line = before.length;
  const column = (before.at(-1) ?? '').length + 1;
  const span = spanOf(line, column, line, column + 1);
  const message = 'the file is not UTF-8; what cannot be read is taken as U+FFFD';
  findings.report({ severity: 'warning', rule: 'encoding', message, span, instruction: span });
}

interface OpenStage {
  readonly from: FromInstruction;
  readonly instructions: StageInstruction[];
}

function sortIntoStages(nodes: readonly RawNode[], findings: Findings): Pick<Dockerfile, 'metaArgs' | 'stages'> {
  const metaArgs: ArgInstruction[] = [];
  const stages: OpenStage[] = [];
  let isLost = false;
  for (const [index, node] of nodes.entries()) {
    if (findings.isFull()) break;
    if (index === maxInstructions) {
      const message = `a Dockerfile may have ${maxInstructions} instructions, this one has ${nodes.length}`;
      findings.report({ rule: 'file', message, span: node.span, instruction: node.span });
      break;
    }
    const instruction = typedInstruction(node, findings);
    if (instruction === undefined) {
      isLost ||= node.keyword.text.toUpperCase() === 'FROM';
      continue;
    }
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] });
    else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.kind === 'arg') metaArgs.push(instruction);
    else if (!isLost) isLost = reportStray(instruction, findings);
  }
  return { metaArgs, stages: stages.map(closeStage) };
}

/** Said once: the instructions that follow have the same fault. */
function reportStray(instruction: Instruction, findings: Findings): true {
  const { span } = instruction;
  const hint = 'only ARG may stand above the first FROM';
  findings.report({ rule: 'stage', message: 'no build stage in current context', span, instruction: span, hint });
  return true;
}

function closeStage(stage: OpenStage, index: number): Stage {
  const { from, instructions } = stage;
  const { name, base, platform } = from;
  const description = name === undefined ? undefined : descriptionOf(name, from.comments);
  const end = instructions.at(-1)?.span.end ?? from.span.end;
  return {
    index,
    base,
    from,
    instructions,
    span: { start: from.span.start, end },
    ...(name === undefined ? {} : { name }),
    ...(platform === undefined ? {} : { platform }),
    ...(description === undefined ? {} : { description }),
  };
}

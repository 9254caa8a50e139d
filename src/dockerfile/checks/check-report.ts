import type { Diagnostic } from '../diagnostic.ts';
import type { InstructionBase } from '../instruction.ts';
import type { Span, Word } from '../position.ts';
import { type CheckOptions, checkOptionsOf, includesRule } from './check-options.ts';
import { type CheckRule, checkPage, checkRules, experimentalRules } from './check-rules.ts';

/** Something that a build check has found. It never changes what is built. */
export interface CheckFinding {
  readonly rule: CheckRule;
  /** What the rule stands for. */
  readonly description: string;
  /** Path of the rule's page in this project. */
  readonly page: string;
  /** One sentence, in BuildKit's words. */
  readonly message: string;
  /** The words it is about. */
  readonly span: Span;
  /** The lines that are shown: the whole instruction. */
  readonly instruction: Span;
}

/** What the checks of a Dockerfile came to, each list in the order of the source. */
export interface CheckReport {
  readonly findings: readonly CheckFinding[];
  /** What a build of this file would fail with. */
  readonly errors: readonly Diagnostic[];
  /** True if there are findings, and the file wants a build to fail because of them. */
  readonly failed: boolean;
}

/** Where something was found: an instruction, or a word of it. */
export interface CheckPlace {
  readonly instruction: Pick<InstructionBase, 'span' | 'comments'>;
  readonly word?: Word | undefined;
}

/** Collects findings: those that the file, or a comment right above the instruction, does not want are dropped. */
export interface CheckLog {
  find(rule: CheckRule, message: string, place: CheckPlace): void;
  refuse(message: string, place: CheckPlace): void;
}

/** Nobody reads more of either kind. */
const maxEntries = 1000;

export function createCheckLog(
  options: CheckOptions,
): CheckLog & { report(before: readonly Diagnostic[]): CheckReport } {
  const findings: CheckFinding[] = [];
  const errors: Diagnostic[] = [];
  return {
    find(rule, message, { instruction, word }) {
      if (findings.length >= maxEntries || !isWanted(rule, [options, ...checkOptionsOf(instruction.comments)])) return;
      const span = word?.span ?? instruction.span;
      const [description, page] = [checkRules[rule], checkPage(rule)];
      findings.push({ rule, description, page, message, span, instruction: instruction.span });
    },
    refuse(message, { instruction, word }) {
      if (errors.length >= maxEntries) return;
      const span = word?.span ?? instruction.span;
      errors.push({ severity: 'error', rule: 'plan', message, span, instruction: instruction.span });
    },
    report: (before) => ({
      findings: findings.toSorted(bySource),
      errors: [...before, ...errors].toSorted(bySource),
      failed: options.error && findings.length > 0,
    }),
  };
}

/** What is found in a trigger of a base is shown at the FROM that brings it. */
export function logAt(from: CheckPlace, log: CheckLog): CheckLog {
  return {
    find: (rule, message) => log.find(rule, message, from),
    refuse: (message) => log.refuse(message, from),
  };
}

function isWanted(rule: CheckRule, options: readonly CheckOptions[]): boolean {
  if (experimentalRules.has(rule)) return options.some(({ experimental }) => includesRule(experimental, rule));
  return !options.some(({ skip }) => includesRule(skip, rule));
}

type Placed = Pick<CheckFinding, 'span' | 'instruction'>;

function bySource(a: Placed, b: Placed): number {
  const byInstruction = a.instruction.start.line - b.instruction.start.line;
  const byLine = a.span.start.line - b.span.start.line;
  return byInstruction || byLine || a.span.start.column - b.span.start.column;
}

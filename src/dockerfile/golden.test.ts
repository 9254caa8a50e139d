import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatMessage } from './diagnostic.ts';
import { parseDockerfile } from './dockerfile.ts';
import { formatExcerpt } from './excerpt.ts';

const cases = join(import.meta.dirname, 'testdata/parse');

for (const name of readdirSync(cases).toSorted()) {
  test(`case ${name}: the Dockerfile reads as its tree says`, () => {
    const result = show(readFileSync(join(cases, name, 'Dockerfile')));
    const golden = join(cases, name, 'tree.txt');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, result);
    assert.equal(result, readFileSync(golden, 'utf8'));
  });
}

/** Stages and instructions with their lines, then what is wrong with the file. */
function show(bytes: Uint8Array): string {
  const { directives, metaArgs, stages, diagnostics, source } = parseDockerfile(bytes);
  const lines = [`directives ${showValue(directives)}`, ...metaArgs.map((each) => showInstruction(each))];
  for (const stage of stages) {
    lines.push(showInstruction(stage.from), ...stage.instructions.map((each) => `  ${showInstruction(each)}`));
  }
  for (const each of diagnostics) {
    const hint = each.hint === undefined ? '' : ` (${each.hint})`;
    lines.push('', `${each.severity} ${each.rule}: ${formatMessage(each)}${hint}`);
    lines.push(formatExcerpt(source, each.span, { name: 'Dockerfile' }));
  }
  return `${lines.join('\n')}\n`;
}

type Shown = Parameters<typeof showInstruction>[0];

function showInstruction(instruction: {
  readonly kind: string;
  readonly span: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}): string {
  const {
    kind,
    span,
    keyword: _keyword,
    original: _original,
    comments: _comments,
    ...rest
  } = instruction as Shown & {
    readonly keyword: unknown;
    readonly original: unknown;
    readonly comments: unknown;
  };
  return `${span.start.line}-${span.end.line} ${kind} ${showValue(rest)}`;
}

/** Words are shown as their texts, and what is empty is left out. */
function showValue(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (Array.isArray(each) && each.length === 0) return undefined;
    if (typeof each !== 'object' || each === null || !('span' in each)) return each;
    const { span: _span, ...rest } = each;
    return 'text' in rest ? rest.text : rest;
  });
}

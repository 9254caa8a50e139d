import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOf } from '../std/index.ts';
import { expandWord } from './expand.ts';
import { createIgnoreMatcher } from './ignore-matcher.ts';
import { parseIgnore } from './ignore-rules.ts';

const env = new Map([
  ['a', '1'],
  ['b', 'two words'],
  ['e', ''],
  ['p', '/usr/lib/a.tar.gz'],
  ['star', '*'],
  ['q', '"quoted"'],
  ['u', 'äöü'],
]);

for (const [input = '', expected = ''] of rows('words.txt')) {
  test(`expansion: ${input} is ${expected}`, () => {
    const result = expandWord(input, { env: (name) => env.get(name), escape: '\\' });
    if (!/^<.*>$/.test(expected)) return assert.equal(result.kind === 'expanded' && result.value, expected);
    assert.ok(result.kind === 'failed' && result.message.endsWith(expected.slice(1, -1)), JSON.stringify(result));
  });
}

for (const [patterns = '', path = '', expected = ''] of rows('ignore-patterns.txt')) {
  test(`.dockerignore: ${patterns}: ${path} is ${expected}`, () => {
    const rules = parseIgnore(patterns.replaceAll(',', '\n'));
    assert.equal(rules.diagnostics.length > 0, expected === '<error>');
    if (expected === '<error>') return;
    assert.equal(createIgnoreMatcher(rules).match(bytesOf(path)).ignored, expected === 'ignored');
  });
}

/** The cells of the lines that are no comments; only the blanks at the separators do not belong to them. */
function rows(file: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(import.meta.dirname, 'testdata', file), 'utf8').split('\n');
  return lines.filter((line) => line.includes(' | ')).map((line) => line.split(' | '));
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { expandHeredoc, expandWord, expandWords } from './expand.ts';
import type { Escape } from './lexer-state.ts';

const tables = join(import.meta.dirname, '../../../shared/data/language');
const skip = !existsSync(tables) && 'the shared language tables are not here';

interface Row {
  readonly line: number;
  readonly platform: string;
  readonly word: string;
  readonly expect: string | null;
  readonly error: boolean;
  readonly env: readonly string[];
  readonly escape: Escape;
}

test('expansion: every word of the reference table expands or fails as recorded', { skip }, () => {
  for (const row of table<Row[]>('envVarTest.json')) {
    if (row.platform === 'W') continue;
    const result = expandWord(row.word, { env: lookupIn(row.env), escape: row.escape });
    const got = result.kind === 'expanded' ? result.value : null;
    assert.deepEqual(got, row.error ? null : row.expect, `line ${row.line}: ${row.word}`);
  }
});

test('expansion: a word splits after its variables were expanded', { skip }, () => {
  for (const row of table<(Row & { readonly words: string[] })[]>('wordsTest.json')) {
    const result = expandWords(row.word, { env: lookupIn(row.env), escape: '\\' });
    const words = result.kind === 'expanded' ? result.words : undefined;
    assert.deepEqual(words, row.words, `line ${row.line}: ${row.word}`);
  }
});

interface MatchRow {
  readonly input: string;
  readonly envs: Readonly<Record<string, string>>;
  readonly expected?: string;
  readonly expectedErr?: boolean;
  readonly matches?: Readonly<Record<string, unknown>> | null;
  readonly unmatched?: Readonly<Record<string, unknown>> | null;
}

test('expansion: names that were found and names that are not set are reported', { skip }, () => {
  for (const row of table<MatchRow[]>('lex-process-with-matches.json')) {
    const env = new Map(Object.entries(row.envs));
    const result = expandWord(row.input, { env: (name) => env.get(name), escape: '\\' });
    const expected = row.expectedErr === true ? undefined : (row.expected ?? '');
    assert.equal(result.kind === 'expanded' ? result.value : undefined, expected, row.input);
    if (row.expectedErr === true) continue;
    assert.deepEqual([...result.used].toSorted(), Object.keys(row.matches ?? {}).toSorted(), row.input);
    assert.deepEqual([...result.unset].toSorted(), Object.keys(row.unmatched ?? {}).toSorted(), row.input);
  }
});

const env = lookupIn(['a=1', 'path=/usr/lib/x.tar.gz', 'empty=', 'dots=a.b.c']);

for (const [word, expected] of [
  ['$a ${a} "$a" \'$a\' \\$a', '1 1 1 $a $a'],
  ['${b:-w} ${b-w} ${empty:-w} ${empty-w}|', 'w w w |'],
  ['${a:+w} ${a+w} ${empty:+w}| ${empty+w} ${b+w}|', 'w w | w |'],
  ['${path#*/} ${path##*/} ${path%.*} ${path%%.*}', 'usr/lib/x.tar.gz x.tar.gz /usr/lib/x.tar /usr/lib/x'],
  ['${path/lib/LIB} ${dots//./-} ${dots/./\\$0}', '/usr/LIB/x.tar.gz a-b-c a\\$0b.c'],
  ['${dots//./[$a]}', 'a[1]b[1]c'],
  ['${b:-${c:-${a}}}', '1'],
] as const) {
  test(`expansion: ${word} gives ${expected}`, () => {
    assert.deepEqual(valueOf(expandWord(word, { env, escape: '\\' })), expected);
  });
}

for (const [word, message] of [
  ['${b:?gone}', 'failed to process "${b:?gone}": b: gone'],
  ['${b?}', 'failed to process "${b?}": b: is not allowed to be unset'],
  ['${empty:?}', 'failed to process "${empty:?}": empty: is not allowed to be empty'],
  ['${}', 'failed to process "${}": syntax error: bad substitution'],
  ['${a', 'failed to process "${a": syntax error: missing \'}\''],
  ['${a=b}', 'failed to process "${a=b}": unsupported modifier (=) in substitution'],
  ['"a', 'failed to process "\\"a": unexpected end of statement while looking for matching double-quote'],
] as const) {
  test(`expansion: ${word} fails and says why`, () => {
    const result = expandWord(word, { env, escape: '\\' });
    assert.equal(result.kind === 'failed' && result.message, message);
  });
}

test('expansion: in a here-document quotes are ordinary and every escape is dropped', () => {
  assert.equal(valueOf(expandHeredoc('"$a" \'$a\' \\n', { env })), '"1" \'1\' n');
});

test('expansion: a hostile word ends in an error, not in a stack overflow or a full memory', () => {
  const deep = expandWord('${a:+'.repeat(20_000), { env, escape: '\\' });
  assert.equal(deep.kind, 'failed');
  const huge = 'x'.repeat(1 << 20);
  for (const word of [
    '$h'.repeat(1000),
    `"${'$h'.repeat(1000)}"`,
    `\${h//x/${'$h'.repeat(10)}}`,
    '${h:-"$h"}${h//x/"$h"}',
  ]) {
    assert.equal(expandWord(word, { env: () => huge, escape: '\\' }).kind, 'failed', word.slice(0, 20));
  }
});

test('expansion: a match that takes too much work is refused, not answered wrongly', () => {
  const word = `\${h##${'*a'.repeat(1000)}*b}`;
  const result = expandWord(word, { env: () => 'a'.repeat(50_000), escape: '\\' });
  assert.match(result.kind === 'failed' ? result.message : '', /the pattern takes too much work/);
});

test('expansion: a pattern with many stars takes linear time', () => {
  const word = `\${h##${'*a'.repeat(50)}*b}`;
  const result = expandWord(word, { env: () => 'a'.repeat(20_000), escape: '\\' });
  assert.equal(valueOf(result)?.length, 20_000);
});

function valueOf(result: ReturnType<typeof expandWord>): string | undefined {
  return result.kind === 'expanded' ? result.value : undefined;
}

function lookupIn(pairs: readonly string[]): (name: string) => string | undefined {
  const map = new Map(pairs.map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
  return (name) => map.get(name);
}

function table<T>(name: string): T {
  return JSON.parse(readFileSync(join(tables, name), 'utf8')) as T;
}

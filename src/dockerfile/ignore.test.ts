import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ByteString, bytesOf } from '../std/index.ts';
import { type IgnoreScope, createIgnoreMatcher } from './ignore-matcher.ts';
import { compileIgnorePattern } from './ignore-pattern.ts';
import { parseIgnore } from './ignore-rules.ts';

const tables = join(import.meta.dirname, '../../../shared/data/language');
const skip = !existsSync(tables) && 'the shared language tables are not here';

type Case =
  | { readonly kind: 'compile'; readonly pattern: string; readonly matchType: string }
  | {
      readonly kind: 'MatchesOrParentMatches' | 'Match(single, no parents)';
      readonly patterns: readonly string[];
      readonly path: string;
      readonly expect: boolean;
      readonly error?: string | null;
    };

const testKinds: Readonly<Record<string, readonly string[]>> = {
  exactMatch: ['exact'],
  prefixMatch: ['prefix'],
  suffixMatch: ['suffix'],
  regexpMatch: ['expression', 'program'],
};

test('.dockerignore: every case of the reference table matches as recorded', { skip }, () => {
  for (const each of JSON.parse(readFileSync(join(tables, 'patternmatcher-cases.json'), 'utf8')) as Case[]) {
    const shown = JSON.stringify(each);
    if (each.kind === 'compile') {
      const compiled = compileIgnorePattern(each.pattern, { line: 1, text: each.pattern });
      assert.ok(testKinds[each.matchType]?.includes(compiled?.test.kind ?? ''), `${shown}: ${compiled?.test.kind}`);
      continue;
    }
    const rules = parseIgnore(each.patterns.join('\n'));
    assert.equal(rules.diagnostics.length > 0, typeof each.error === 'string', shown);
    assert.equal(createIgnoreMatcher(rules).match(bytesOf(each.path)).ignored, each.expect, shown);
  }
});

for (const [title, file, ignored, kept] of [
  ['the last match wins', '*.md\n!README.md\nREADME*', ['README.md', 'a.md'], ['a.txt']],
  ['a pattern matches if a parent matches', 'node_modules', ['node_modules', 'node_modules/a/b'], ['a/node_modules']],
  ['! takes back even below an ignored directory', 'a\n!a/b/c', ['a', 'a/b', 'a/b/d'], ['a/b/c', 'a/b/c/d']],
  ['** stands for any depth', '**/x\ny/**/z', ['x', 'a/x', 'a/b/x/c', 'y/z', 'y/a/b/z'], ['ax', 'y']],
  ['leading and trailing slashes mean nothing', '/a/\n b/ ', ['a', 'b', 'b/c'], ['c/a']],
  ['# is a comment in column 0 only', '#a\n #b', ['#b'], ['#a', 'a']],
  ['. and .. are taken out', './a/../b', ['b'], ['a']],
  ['a byte-order mark and CRLF line ends vanish', '\ufeffa\r\nb\r\n', ['a', 'b'], []],
  ['* keeps to one directory', '*.c\nd/*', ['a.c', 'd/x'], ['s/a.c', 'd']],
  ['a class and an escape', '[ab].c\n\\*', ['a.c', 'b.c', '*'], ['c.c', 'x']],
  ['everything but', '*\n!src\n!*.json', ['a', 'b/src'], ['src', 'src/a', 'package.json']],
] as const) {
  test(`.dockerignore: ${title}`, () => {
    const matcher = createIgnoreMatcher(parseIgnore(file));
    for (const path of ignored) assert.equal(matcher.match(bytesOf(path)).ignored, true, path);
    for (const path of kept) assert.equal(matcher.match(bytesOf(path)).ignored, false, path);
  });
}

test('.dockerignore: the verdict names the line that decided', () => {
  const matcher = createIgnoreMatcher(parseIgnore('# first\nlogs\n\n!logs/keep\n'));
  assert.deepEqual(lineOf('logs/a'), [true, 2, 'logs']);
  assert.deepEqual(lineOf('logs/keep'), [false, 4, '!logs/keep']);
  assert.deepEqual(lineOf('other'), [false, undefined, undefined]);

  function lineOf(path: string): unknown[] {
    const { ignored, pattern } = matcher.match(bytesOf(path));
    return [ignored, pattern?.line, pattern?.text];
  }
});

test('.dockerignore: a walker prunes what cannot be taken back, and nothing else', () => {
  const matcher = createIgnoreMatcher(parseIgnore('node_modules\nbuild\n!build/out/*.js\n!*.md\n'));
  assert.equal(matcher.mayContain(scopeOf('node_modules')), false);
  assert.equal(matcher.mayContain(scopeOf('build')), true);
  assert.equal(matcher.mayContain(scopeOf('build/out')), true);
  assert.equal(matcher.mayContain(scopeOf('build/tmp')), false);
  assert.equal(matcher.mayContain(scopeOf('src')), true);
  const deep = createIgnoreMatcher(parseIgnore('*\n!**/*.go'));
  assert.equal(deep.mayContain(deep.enter(bytesOf('a'), deep.root())), true);

  function scopeOf(path: string): IgnoreScope {
    let scope = matcher.root();
    let whole = '';
    for (const name of path.split('/')) {
      whole = whole === '' ? name : `${whole}/${name}`;
      scope = matcher.enter(bytesOf(whole), scope);
    }
    return scope;
  }
});

test('.dockerignore: names are bytes, also those that are not UTF-8', () => {
  const matcher = createIgnoreMatcher(parseIgnore('caf?\nä*\nx?y'));
  assert.equal(matcher.match(bytesOf('café')).ignored, true);
  assert.equal(matcher.match(bytesOf('ärger')).ignored, true);
  assert.equal(matcher.match('caf\xe9' as ByteString).ignored, true);
  assert.equal(matcher.match('x\xff\xffy' as ByteString).ignored, false);
});

test('.dockerignore: a bad pattern is an error with its line, the others still count', () => {
  const { patterns, diagnostics } = parseIgnore('a\n[\n!\nb');
  assert.deepEqual(
    patterns.map((each) => each.pattern),
    ['a', 'b'],
  );
  assert.deepEqual(
    diagnostics.map((each) => [each.span.start.line, each.message]),
    [
      [2, 'syntax error in pattern: ['],
      [3, 'illegal exclusion pattern: "!"'],
    ],
  );
});

test('.dockerignore: thirty thousand paths are decided one by one', (t) => {
  const rules = parseIgnore('node_modules\n**/*.log\n.git\n**/__pycache__\n*.tmp\ndist/**\n!dist/keep\n**/a*b*c*d*e\n');
  const matcher = createIgnoreMatcher(rules);
  const folder = matcher.enter(bytesOf('src'), matcher.root());
  const start = performance.now();
  let ignored = 0;
  for (let index = 0; index < 30_000; index++) {
    if (matcher.test(bytesOf(`src/file-${index}.${index % 3 === 0 ? 'log' : 'ts'}`), folder).ignored) ignored++;
  }
  t.diagnostic(`30,000 paths, 8 rules: ${(performance.now() - start).toFixed(0)} ms`);
  assert.equal(ignored, 10_000);
});

test('a pattern of hundreds of wildcards is refused: it would be tried on every path', () => {
  const { diagnostics, patterns } = parseIgnore(`${'*a'.repeat(16)}\n${'**/'.repeat(17)}b\n`);
  assert.equal(patterns.length, 1);
  assert.deepEqual(
    diagnostics.map(({ message, span }) => [span.start.line, message]),
    [[2, 'a pattern may have 16 times *']],
  );
});

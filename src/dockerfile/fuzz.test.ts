import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type ByteString, bytesOf } from '../std/index.ts';
import { randomNumbers } from '../std/random-numbers.fixture.ts';
import { checkDockerfile } from './checks/check-dockerfile.ts';
import { facts } from './checks/check-facts.fixture.ts';
import type { Diagnostic } from './diagnostic.ts';
import { type Dockerfile, maxDockerfileBytes, parseDockerfile } from './dockerfile.ts';
import { formatExcerpt } from './excerpt.ts';
import { type Expansion, expandHeredoc, expandWord, expandWords } from './expand.ts';
import { type IgnoreScope, createIgnoreMatcher } from './ignore-matcher.ts';
import { parseIgnore } from './ignore-rules.ts';
import { resolveMount } from './mount.ts';
import { parsePorts } from './ports.ts';
import type { Span } from './position.ts';
import { runScript } from './run-script.ts';

/** No input of this size may take longer; real ones take a thousandth of it. */
const deadlineMs = 2000;
const corpus = join(import.meta.dirname, '../../../shared/data/dockerfiles.jsonl.gz');

const instructions = [
  'FROM a',
  'RUN ',
  'COPY ',
  'ADD ',
  'ENV ',
  'ARG ',
  'LABEL ',
  'ONBUILD ',
  'HEALTHCHECK ',
  'EXPOSE ',
];
const flags = ['--mount=', '--from=', '--chown=', '--network=none', '--', '=', ',', 'type=cache', 'CMD ', 'AS '];
const layout = ['\n', '\r\n', '\\\n', '`\n', '# escape=`\n', ' ', '\t', '#', '<<EOF', '<<-"E"', '\nEOF\n'];
const signs = [
  '\\',
  '`',
  '"',
  "'",
  '[',
  ']',
  '["a"]',
  '{',
  '}',
  '$',
  '${',
  '${a',
  ':-',
  ':+',
  ':?',
  '#',
  '##',
  '%',
  '%%',
  '/',
];
const patterns = ['//', '*', '?', '**', '!', '..', '.', '[^', 'a-z', '-'];
const texts = ['a', 'b/c', '80', '1h', '\0', '\u00a0', 'é', '☺', '😀', '\ufeff', '\ufffd', '\ud800', 'x'.repeat(500)];
const pieces = [...instructions, ...flags, ...layout, ...signs, ...patterns, ...texts];

test('fuzz: whatever is read as a Dockerfile, nothing throws and every span lies in the source', () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 4000; round++) inspect(randomText(random, 60));
});

test('fuzz: damaged real Dockerfiles', { skip: !existsSync(corpus) && 'the corpus is not here' }, () => {
  const random = randomNumbers(2);
  const lines = gunzipSync(readFileSync(corpus)).toString('utf8').trim().split('\n');
  for (const line of lines.slice(0, 700)) {
    let { dockerfile } = JSON.parse(line) as { dockerfile: string };
    for (let times = 0; times < 3; times++) {
      const at = Math.floor(random() * dockerfile.length);
      dockerfile = dockerfile.slice(0, at) + pick(random, pieces) + dockerfile.slice(at + Math.floor(random() * 20));
    }
    inspect(dockerfile.slice(0, 20_000));
  }
});

test('fuzz: bytes that are no text', () => {
  const random = randomNumbers(3);
  for (let round = 0; round < 500; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256));
    withinDeadline(() => parseDockerfile(bytes), bytes.toString());
  }
});

test('fuzz: repeated to the limit, every construct is still read in time', () => {
  for (const piece of pieces) {
    for (const frame of ['', 'FROM a\nRUN ', 'FROM a\nCOPY ', 'FROM a\nENV a=', 'FROM a\nLABEL ', 'FROM a\nONBUILD ']) {
      inspect(frame + piece.repeat(Math.floor(60_000 / piece.length)));
    }
  }
  inspect('FROM a\nRUN <<a\n'.repeat(20_000));
  inspect('# comment\n'.repeat(50_000));
  inspect(`FROM a\n${'ONBUILD '.repeat(8000)}RUN x`);
  inspect(`FROM a\nRUN ${'['.repeat(60_000)}`);
});

test('fuzz: as large as a file may be, it is read and checked in a time that grows with its size', () => {
  const base = 'FROM scratch AS a\n';
  for (const line of [
    'RUN x\n',
    'ENV a$i=$b\n',
    'ARG a b=$a c=$$\n',
    'COPY --from=a a b\n',
    '# x\n',
    'CMD a\n',
    '\\\n',
  ]) {
    const text = base + Array.from({ length: 20_000 }, (_, index) => line.replace('$i', String(index))).join('');
    inspect(text);
  }
  inspect(Array.from({ length: 20_000 }, (_, index) => `FROM a${index - 1} AS a${index}\nENV x${index}=1\n`).join(''));
  inspect(`${base}ENV a=x\n${'ENV a=$a$a\n'.repeat(200)}`);
  inspect('x'.repeat(65_535));
  inspect('RUN x\n'.padEnd(maxDockerfileBytes + 1, '#'));
});

test('fuzz: expansion never throws, and pattern and value cannot conspire', () => {
  const random = randomNumbers(4);
  const values = ['', 'a', 'aaaa'.repeat(50), 'a.b/c:d', '*', '\\', '${a}', 'é☺😀', '\n'];
  for (let round = 0; round < 20_000; round++) {
    const word = randomText(random, 12).slice(0, 2000);
    const env = (name: string): string | undefined => values[name.length % (values.length + 1)];
    withinDeadline(() => expandWords(word, { env, escape: round % 2 === 0 ? '\\' : '`' }), word);
    withinDeadline(() => expandHeredoc(word, { env }), word);
  }
  const long = 'a'.repeat(50_000);
  for (const pattern of ['*a'.repeat(500), `${'?'.repeat(2000)}b`, '*'.repeat(1000), `${'a*'.repeat(500)}b`]) {
    for (const form of ['#', '##', '%', '%%', '/', '//']) {
      const word = `\${v${form}${pattern}${form.startsWith('/') ? '/x' : ''}}`;
      withinDeadline(() => expandWords(word, { env: () => long, escape: '\\' }), word.slice(0, 40));
    }
  }
});

test('fuzz: an ignore file never throws, and no pattern takes long', () => {
  const random = randomNumbers(5);
  for (let round = 0; round < 3000; round++) {
    const text = randomText(random, 20);
    const path = bytesOf(randomText(random, 4).replaceAll('\n', '/'));
    withinDeadline(() => createIgnoreMatcher(parseIgnore(text)).match(path), text);
  }
  const path = `${'a/'.repeat(1000)}${'a'.repeat(250)}` as ByteString;
  for (const pattern of ['*a'.repeat(100), '**/'.repeat(300), '**/*a*b', '[ab]*'.repeat(100), `${'a*'.repeat(200)}b`]) {
    const scope: IgnoreScope = { ...createIgnoreMatcher(parseIgnore(pattern)).root() };
    withinDeadline(() => createIgnoreMatcher(parseIgnore(pattern)).test(path, scope), pattern);
  }
});

test('fuzz: walking down gives the verdicts of single paths, and pruning loses nothing', () => {
  const random = randomNumbers(6);
  const elements = ['a', 'b', 'ab', '*', '**', 'a*', '?', '[ab]', '.', '..'];
  const names = ['a', 'b', 'ab', 'ba'];
  for (let round = 0; round < 600; round++) {
    const lines = Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
      const path = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, elements)).join('/');
      return (random() < 0.4 ? '!' : '') + path;
    });
    const matcher = createIgnoreMatcher(parseIgnore(lines.join('\n')));
    walk(matcher.root(), 0);

    function walk(scope: IgnoreScope, depth: number): boolean {
      let keepsSome = false;
      for (const name of names) {
        const path = (scope.path === '' ? name : `${scope.path}/${name}`) as ByteString;
        const inner = matcher.enter(path, scope);
        assert.deepEqual(matcher.test(path, scope), inner.verdict);
        assert.deepEqual(matcher.match(path), inner.verdict);
        const keepsBelow = depth < 3 && walk(inner, depth + 1);
        if (keepsBelow) assert.ok(matcher.mayContain(inner), `${lines.join(' ')}: ${path}`);
        keepsSome ||= keepsBelow || !inner.verdict.ignored;
      }
      return keepsSome;
    }
  }
});

test('fuzz: ports', () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 5000; round++) {
    const spec = Array.from({ length: 6 }, () =>
      pick(random, ['80', ':', '-', '/', 'tcp', '[', ']', '::', '65536', ' ']),
    ).join('');
    withinDeadline(() => parsePorts(spec), spec);
  }
});

function inspect(text: string): void {
  const parsed = withinDeadline(() => parseDockerfile(text), text);
  const lines = parsed.source.split('\n');
  for (const each of parsed.diagnostics) checkDiagnostic(each, lines);
  inspectChecks(parsed, lines);
  for (const each of parsed.diagnostics.slice(0, 3)) formatExcerpt(parsed.source, each.span, { name: 'x' });
  for (const stage of parsed.stages) {
    checkSpans([stage, ...stage.instructions], lines);
    for (const instruction of stage.instructions) {
      if (instruction.kind !== 'run') continue;
      runScript(instruction);
      for (const mount of instruction.mounts) resolveMount(mount, expandNothing);
    }
  }
}

const baseRules = parseIgnore('a\nb/*\n**/c');

/** A file with mistakes is checked in part only, so that what could be read of it is checked by itself too. */
function inspectChecks(parsed: Dockerfile, lines: readonly string[]): void {
  for (const diagnostics of [parsed.diagnostics, []]) {
    const file = { ...parsed, diagnostics };
    const report = withinDeadline(() => checkDockerfile(file, { ...facts, ignore: baseRules }), parsed.source);
    for (const { span, instruction } of [...report.findings, ...report.errors]) {
      checkSpan(span, lines);
      checkSpan(instruction, lines);
    }
  }
}

function expandNothing(value: string): Expansion {
  return expandWord(value, { env: () => undefined, escape: '\\' });
}

function checkDiagnostic(diagnostic: Diagnostic, lines: readonly string[]): void {
  checkSpan(diagnostic.span, lines);
  checkSpan(diagnostic.instruction, lines);
}

/** Every span anywhere in a value. */
function checkSpans(value: unknown, lines: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'span') checkSpan(inner as Span, lines);
    else checkSpans(inner, lines);
  }
}

function checkSpan({ start, end }: Span, lines: readonly string[]): void {
  const shown = JSON.stringify({ start, end });
  assert.ok(start.line >= 1 && start.column >= 1, shown);
  assert.ok(start.line < end.line || (start.line === end.line && start.column <= end.column), shown);
  assert.ok(end.line <= lines.length && end.column <= (lines[end.line - 1] ?? '').length + 1, shown);
  assert.ok(start.column <= (lines[start.line - 1] ?? '').length + 1, shown);
}

function withinDeadline<T>(work: () => T, input: string): T {
  const start = performance.now();
  const result = work();
  const tookMs = performance.now() - start;
  assert.ok(tookMs < deadlineMs, `took ${tookMs.toFixed(0)} ms: ${JSON.stringify(input.slice(0, 200))}`);
  return result;
}

function randomText(random: () => number, most: number): string {
  return Array.from({ length: Math.floor(random() * most) }, () => pick(random, pieces)).join('');
}

function pick<T>(random: () => number, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  assert.ok(value !== undefined);
  return value;
}

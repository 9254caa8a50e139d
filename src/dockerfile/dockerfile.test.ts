import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMessage } from './diagnostic.ts';
import { parseDockerfile } from './dockerfile.ts';
import { formatExcerpt } from './excerpt.ts';
import type { CopyInstruction, Instruction, RunInstruction } from './instruction.ts';
import { runScript } from './run-script.ts';

test('all errors of a file are reported in one run, in the order of the source', () => {
  const { diagnostics } = parseDockerfile('FROM a\nRNU x\nENV A\nCOPY a\nRUN --mount= x\n');
  assert.deepEqual(
    diagnostics.map((each) => each.span.start.line),
    [2, 3, 4, 5],
  );
});

test('an instruction above the first FROM is refused, but ARG is not', () => {
  const { diagnostics, metaArgs } = parseDockerfile('ARG a=1\nRUN x\nRUN y\nFROM b\n');
  assert.deepEqual(diagnostics.map(formatMessage), [
    'dockerfile parse error on line 2: no build stage in current context',
  ]);
  assert.equal(metaArgs[0]?.args[0]?.defaultValue?.text, '1');
});

test('a file without instructions or stages is refused', () => {
  assert.equal(parseDockerfile('# nothing\n').diagnostics[0]?.message, 'file with no instructions');
  assert.equal(parseDockerfile('ARG a\n').diagnostics[0]?.message, 'dockerfile contains no stages to build');
});

test('a file may have 10,000 instructions; the next one is refused', () => {
  const most = `FROM a\n${'ENV A=b\n'.repeat(9999)}`;
  assert.deepEqual(parseDockerfile(most).diagnostics, []);
  assert.deepEqual(parseDockerfile(`${most}CMD a\nCMD b\n`).diagnostics.map(formatMessage), [
    'dockerfile parse error on line 10001: a Dockerfile may have 10000 instructions, this one has 10002',
  ]);
});

test('a line may have 65,535 bytes and no more', () => {
  assert.deepEqual(parseDockerfile(labelOf(65_535)).diagnostics, []);
  const [error] = parseDockerfile(labelOf(65_536)).diagnostics;
  assert.equal(error?.message, 'dockerfile line greater than max allowed size of 65535');
  assert.equal(error.span.start.line, 2);
});

test('a byte-order mark is stripped and CRLF line ends are read', () => {
  const { stages, diagnostics } = parseDockerfile(Buffer.from('\ufeffFROM a\r\nRUN b \\\r\n  c\r\n'));
  assert.deepEqual(diagnostics, []);
  assert.equal(scriptOf(stages[0]?.instructions[0]), 'b   c');
});

test('continuations: blanks kept, comments gone, trailing blanks allowed, a doubled escape ends the line', () => {
  const text = 'FROM a\n  RUN one \\  \n# gone\n   # gone too\n    two\\\nthree\nRUN end \\\\\nRUN next';
  const { stages, diagnostics } = parseDockerfile(text);
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(stages[0]?.instructions.map(scriptOf), ['one     twothree', 'end \\\\', 'next']);
});

test('an empty continuation line is accepted with a warning', () => {
  const { diagnostics } = parseDockerfile('FROM a\nRUN one \\\n\n  two\n');
  assert.deepEqual(
    diagnostics.map((each) => [each.severity, each.rule, each.message]),
    [['warning', 'NoEmptyContinuation', 'Empty continuation line found in: RUN one   two']],
  );
});

test('directives come first, once each, case-insensitive; anything else ends them', () => {
  const { directives } = parseDockerfile('# SYNTAX = docker/dockerfile:1 x\n#check=skip=all\n # Escape=`\nFROM a\n');
  assert.deepEqual(directives, { syntax: 'docker/dockerfile:1', check: 'skip=all', escape: '`' });
  assert.deepEqual(parseDockerfile('# a comment\n# escape=`\nFROM a\n').directives, { escape: '\\' });
  assert.deepEqual(parseDockerfile('\n# escape=`\nFROM a\n').directives, { escape: '\\' });
  const [twice] = parseDockerfile('# escape=`\n# escape=\\\nFROM a\n').diagnostics;
  assert.equal(twice?.message, 'only one escape parser directive can be used');
  const [bad] = parseDockerfile('# escape=x\nFROM a\n').diagnostics;
  assert.equal(bad?.message, "invalid escape token 'x' does not match ` or \\");
});

test('the escape may be a backtick', () => {
  const { stages } = parseDockerfile('# escape=`\nFROM a\nRUN dir c:\\ `\n  x\n');
  assert.equal(scriptOf(stages[0]?.instructions[0]), 'dir c:\\   x');
});

test('an excerpt marks the lines as BuildKit does, and shows control characters instead of sending them', () => {
  const source = 'FROM a\nRUN b\n  hi\x1b[31m\nEOF\n';
  const [error] = parseDockerfile(source).diagnostics;
  assert.equal(
    formatExcerpt(source, error?.span ?? assert.fail(), { name: 'Dockerfile' }),
    [
      'Dockerfile:3',
      '--------------------',
      '   1 |     FROM a',
      '   2 |     RUN b',
      '   3 | >>>   hi\\x1b[31m',
      '   4 |     EOF',
      '   5 |     ',
      '--------------------',
    ].join('\n'),
  );
});

test('a span leads through continuations back to the source', () => {
  const source = 'FROM a\nCOPY --chown=x \\\n  # comment\n   one \\\n  two /three\n';
  const copy = parseDockerfile(source).stages[0]?.instructions[0] as CopyInstruction;
  assert.deepEqual(
    copy.sources.map((word) => textAt(source, word.span)),
    ['one', 'two'],
  );
  assert.equal(textAt(source, copy.destination.span), '/three');
  assert.equal(textAt(source, copy.chown?.span ?? assert.fail()), '--chown=x');
  assert.deepEqual(copy.span, { start: { line: 2, column: 1 }, end: { line: 5, column: 13 } });
});

test('here-documents: several on one line, leading tabs, quoted names', () => {
  const text = 'FROM a\nCOPY <<one <<-"two" x /d/\na $b\none\n\tc\n\ttwo\nRUN <<-EOF\n\tx\nEOF\n';
  const [copy, run] = (parseDockerfile(text).stages[0]?.instructions ?? []) as [CopyInstruction, RunInstruction];
  assert.deepEqual(
    copy.inlineFiles.map(({ name, content, expand }) => [name, content, expand]),
    [
      ['one', 'a $b\n', true],
      ['two', 'c\n', false],
    ],
  );
  assert.deepEqual(
    copy.sources.map((word) => word.text),
    ['x'],
  );
  assert.deepEqual(runScript(run), { kind: 'shell', script: 'x\n' });
});

function labelOf(bytes: number): string {
  return `FROM a\nLABEL ${'é'.repeat(100)}=`.padEnd(7 + bytes - 100, 'x');
}

function scriptOf(instruction: Instruction | undefined): string | undefined {
  return instruction?.kind === 'run' && instruction.command.form === 'shell'
    ? instruction.command.script.text
    : undefined;
}

function textAt(
  source: string,
  span: { readonly start: { line: number; column: number }; readonly end: { column: number } },
): string {
  return source.split('\n')[span.start.line - 1]?.slice(span.start.column - 1, span.end.column - 1) ?? '';
}

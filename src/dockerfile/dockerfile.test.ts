import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { quotedWords } from './argument-forms.ts';
import { parseDevice } from './device.ts';
import { formatMessage } from './diagnostic.ts';
import { parseDockerfile, parseTrigger } from './dockerfile.ts';
import type { Expansion } from './expand.ts';
import { formatExcerpt } from './excerpt.ts';
import { heredocMarks, parseHeredocMark } from './heredoc.ts';
import type { CopyInstruction, Instruction, RunInstruction } from './instruction.ts';
import { parseJsonArray } from './json-array.ts';
import { resolveMount } from './mount.ts';
import { parsePorts, formatPort } from './ports.ts';
import { runScript } from './run-script.ts';

const tables = join(import.meta.dirname, '../../../shared/data/language');
const skip = !existsSync(tables) && 'the shared language tables are not here';

for (const [text, message] of [
  ['RUN --network=foo x', 'invalid network mode "foo"'],
  ['RUN --network= x', 'invalid network mode ""'],
  ['RUN --security=foo x', 'security "foo" is not valid'],
  ['RUN --mout=type=cache x', 'unknown flag: --mout (did you mean mount?)'],
  ['RUN --mount=from=$x,target=/x x', "'from' doesn't support variable expansion, define alias stage instead"],
  ['RUN --device=a,b x', "invalid field 'b' must be a key=value pair"],
  ['RUN --device=a,b=c x', "unexpected key 'b' in 'b=c'"],
  ['RUN ["a",1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
  ['RUN <<EOF\nx', 'unterminated heredoc'],
  ['COPY --link=maybe a b', 'expecting boolean value for flag --link, not: maybe'],
  ['COPY --link= a b', 'missing a value on flag: --link'],
  ['COPY --chown=a --chown=b a b', 'duplicate flag specified: --chown'],
  ['COPY --chmod 755 a b', 'missing a value on flag: --chmod'],
  ['COPY a <<EOF\nEOF', 'COPY cannot accept a heredoc as a destination'],
  ['HEALTHCHECK', 'HEALTHCHECK requires at least one argument'],
  ['HEALTHCHECK --interval=5 CMD x', 'time: missing unit in duration "5"'],
  ['HEALTHCHECK --interval=1d CMD x', 'time: unknown unit "d" in duration "1d"'],
  ['HEALTHCHECK --interval=.s CMD x', 'time: invalid duration ".s"'],
  ['HEALTHCHECK --interval=-1s CMD x', 'Interval "interval" cannot be less than 1ms'],
  ['HEALTHCHECK --interval=1us CMD x', 'Interval "interval" cannot be less than 1ms'],
  ['HEALTHCHECK --retries=x CMD x', 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['HEALTHCHECK --retries=99999999999 CMD x', 'strconv.ParseInt: parsing "99999999999": value out of range'],
  ['HEALTHCHECK --retries=-1 CMD x', '--retries cannot be negative (-1)'],
  ['HEALTHCHECK FOO x', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK CMD []', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK NONE x', 'HEALTHCHECK NONE takes no arguments'],
  ['ENV A', 'ENV must have two arguments'],
  ['LABEL A=b "c', 'Syntax error - can\'t find = in "\\"c". Must be of the form: name=value'],
  ['ENV =b', 'ENV names can not be blank'],
  ['ARG a=1 =2', 'ARG names can not be blank'],
  ['SHELL foo', 'SHELL requires the arguments to be in JSON form'],
  ['SHELL []', 'SHELL requires at least one argument'],
  ['STOPSIGNAL', 'STOPSIGNAL requires exactly one argument'],
  ['MAINTAINER', 'MAINTAINER requires exactly one argument'],
  ['VOLUME [""]', 'VOLUME specified can not be an empty string'],
  ['VOLUME [ ]', 'VOLUME requires at least one argument'],
  ['ONBUILD', 'ONBUILD requires at least one argument'],
  ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['FROM a as', 'FROM requires either one or three arguments'],
  ['FROM a BS b', 'FROM requires either one or three arguments'],
  ['FROM a AS 1b', 'invalid name for build stage: "1b", name can\'t start with a number or contain symbols'],
  ['FROM --platfrom=x a', 'unknown flag: --platfrom (did you mean platform?)'],
  ['RNU x', 'unknown instruction: RNU (did you mean RUN?)'],
  ['form x', 'unknown instruction: form (did you mean from?)'],
  ['--foo', 'unknown instruction: --foo'],
] as const) {
  test(`refused as by BuildKit: ${text}`, () => {
    const [first, ...others] = parseDockerfile(`FROM a\n${text}\n`).diagnostics;
    assert.equal(first?.message, message);
    assert.equal(first.instruction.start.line, 2);
    assert.deepEqual(others, []);
  });
}

for (const text of [
  'RUN',
  'CMD',
  'RUN [1e999',
  "RUN <<'EOF",
  'RUN echo <<- EOF',
  'STOPSIGNAL --x SIGTERM',
  'HEALTHCHECK --foo NONE',
  'HEALTHCHECK --retries= --interval=0 CMD x',
  'COPY [1e999,"b"] /x',
  'COPY --chown= a b',
  'ADD --unpack --keep-git-dir=TRUE a b',
  'ONBUILD FOO x',
  'USER a b',
  'FROM --platform= a',
  'ARG a=1 b c="x y"',
  'ENV a=b \\',
]) {
  test(`accepted as by BuildKit: ${text}`, () => {
    assert.deepEqual(parseDockerfile(`FROM a\n${text}\n`).diagnostics, []);
  });
}

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

for (const [text, expected] of [
  ['RUN ["a", "b"]', { kind: 'exec', args: ['a', 'b'] }],
  ['RUN a b', { kind: 'shell', script: 'a b' }],
  ['RUN <<EOF\na\nEOF', { kind: 'shell', script: 'a\n' }],
  ['RUN <<EOF\n#!/bin/x\na\nEOF', { kind: 'file', name: 'EOF', content: '#!/bin/x\na\n' }],
  ['RUN <<EOF cat\n#!a\nEOF', { kind: 'shell', script: '<<EOF cat\n#!a\nEOF' }],
  ['RUN <<A 3<<B\na\nA\nb\nB', { kind: 'shell', script: '<<A 3<<B\na\nA\nb\nB' }],
] as const) {
  test(`${JSON.stringify(text)} starts ${expected.kind}`, () => {
    const run = parseDockerfile(`FROM a\n${text}\n`).stages[0]?.instructions[0] as RunInstruction;
    assert.deepEqual(runScript(run), expected);
  });
}

for (const [text, expected] of [
  ['type=cache,target=/x', { type: 'cache', target: '/x', readOnly: false, required: false }],
  [
    'target=/x,from=a,src=/y,rw',
    { type: 'bind', target: '/x', from: 'a', source: '/y', readOnly: false, required: false },
  ],
  [
    'type=tmpfs,dst=/x,size=1.5g',
    { type: 'tmpfs', target: '/x', sizeBytes: 1.5 * 2 ** 30, readOnly: false, required: false },
  ],
  [
    'type=secret,id=k,required,env=E,mode=0440,uid=3',
    { type: 'secret', id: 'k', required: true, env: 'E', mode: 0o440, uid: 3, readOnly: true },
  ],
  ['type=foo', 'unsupported mount type "foo"'],
  ['type=cache,tarrget=/x', "unexpected key 'tarrget' in 'tarrget=/x' (did you mean target?)"],
  ['type=cache,required', "unexpected key 'required' for mount type 'cache'"],
  ['type=tmpfs,size=1x', 'invalid value for size: 1x'],
  ['type=cache,mode=9', 'invalid value 9 for mode'],
  ['type=tmpfs,mode=0777', 'mode not allowed for "tmpfs" type mounts'],
  ['type=secret', 'invalid secret mount. one of source, target required'],
  ['type=cache,sharing=lock', 'unsupported sharing value "lock" (did you mean locked?)'],
  ['sharing=locked', 'invalid cache sharing set for bind mount'],
  ['size=1m,type=tmpfs', "unexpected key 'size' for mount type 'bind'"],
  ['ro=maybe', 'invalid value for ro: maybe'],
  ['a,,b', "invalid field 'a' must be a key=value pair"],
] as const) {
  test(`--mount=${text}`, () => {
    const run = parseDockerfile(`FROM a\nRUN --mount=${text} x\n`).stages[0]?.instructions[0] as RunInstruction;
    const result = resolveMount(run.mounts[0] ?? assert.fail(), asWritten);
    assert.deepEqual(result.kind === 'mount' ? result.mount : result.message, expected);
  });
}

function labelOf(bytes: number): string {
  return `FROM a\nLABEL ${'é'.repeat(100)}=`.padEnd(7 + bytes - 100, 'x');
}

function asWritten(value: string): Expansion {
  return { kind: 'expanded', value, used: new Set(), unset: new Set() };
}

test('an ONBUILD trigger holds its here-documents and is read by itself', () => {
  const { stages } = parseDockerfile('FROM a\nONBUILD COPY <<EOF /x\nhi\nEOF\n');
  const [onbuild] = stages[0]?.instructions ?? [];
  assert.ok(onbuild?.kind === 'onbuild');
  assert.equal(onbuild.trigger, 'COPY <<EOF /x\nhi\nEOF');
  const trigger = parseTrigger(onbuild.trigger);
  assert.ok(trigger.kind === 'instruction' && trigger.instruction.kind === 'copy');
  assert.equal(trigger.instruction.inlineFiles[0]?.content, 'hi\n');
  for (const bad of ['', 'FROM x', 'RUN a\nRUN b', 'FOO', 'ONBUILD RUN x']) {
    assert.equal(parseTrigger(bad).kind, 'invalid', bad);
  }
});

for (const [spec, expected] of [
  ['80', '80/tcp'],
  ['80/UDP', '80/udp'],
  ['80/', '80/tcp'],
  ['8000-8002/sctp', '8000/sctp 8001/sctp 8002/sctp'],
  ['1-2:80', '80/tcp'],
  ['[::1]:80:90', '90/tcp'],
  ['abc', 'invalid containerPort: abc'],
  ['90-80', 'invalid containerPort: 90-80'],
  ['65536', 'invalid containerPort: 65536'],
  ['80/foo', 'invalid port: "80/foo": invalid proto: foo'],
  ['/tcp', 'invalid port: "/tcp": no port specified'],
  ['x:80', 'invalid hostPort: x'],
  ['80:90-91', 'invalid ranges specified for container and host Ports: 90-91 and 80'],
  ['1.2.3.4.5:80:80', 'invalid IP address: 1.2.3.4.5'],
  ['localhost:1234:1234/tcp', 'invalid IP address: localhost'],
] as const) {
  test(`EXPOSE ${spec} gives ${expected}`, () => {
    const result = parsePorts(spec);
    assert.equal(result.kind === 'ports' ? result.ports.map(formatPort).join(' ') : result.message, expected);
  });
}

test('EXPOSE: the reference table of port specifications', { skip }, () => {
  interface Spec {
    readonly spec: string;
    readonly expected?: readonly string[];
    readonly expError?: string;
  }
  const functions = table<{ readonly func: string; readonly value: readonly (Spec | string)[] }[]>('expose.json');
  for (const { spec, expected, expError } of functions
    .flatMap((each) => each.value)
    .filter((each) => typeof each !== 'string')) {
    const result = parsePorts(spec);
    assert.deepEqual(
      result.kind === 'ports' ? result.ports.map(formatPort) : result.message,
      expected ?? expError,
      spec,
    );
  }
});

test('JSON form: an array of strings, else shell form; an array of something else is an error', { skip }, () => {
  const [invalid, valid] = table<[{ value: string[] }, { value: Record<string, string[]> }]>('json-arrays.json');
  for (const text of invalid.value) assert.equal(parseJsonArray(text).kind, 'mixed', text);
  for (const [text, expected] of Object.entries(valid.value)) {
    const array = parseJsonArray(text);
    assert.deepEqual(array.kind === 'strings' && array.values, expected, text);
  }
});

test('the reference table of refused instructions', { skip }, () => {
  const cases = table<{ dockerfile: string; expectedError: string }[]>('instructions-error-cases.json');
  for (const { dockerfile, expectedError } of cases) {
    const messages = parseDockerfile(`FROM a\n${dockerfile}`).diagnostics.map((each) => each.message);
    assert.ok(
      messages.some((each) => each.startsWith(expectedError)),
      `${dockerfile}: ${messages.join()}`,
    );
  }
});

test('the reference tables of here-documents', { skip }, () => {
  const groups = table<{ func: string; value: readonly HeredocCase[] }[]>('instructions-heredoc.json');
  for (const { dockerfile, ...expected } of groups.flatMap((each) => each.value)) {
    const { stages, diagnostics } = parseDockerfile(`FROM a\n${dockerfile}`);
    if (expected.expectedError !== undefined) {
      assert.equal(diagnostics[0]?.message, expected.expectedError);
      continue;
    }
    assert.deepEqual(heredocJson(stages[0]?.instructions[0]), { dockerfile, ...expected, name: undefined });
  }
});

test('the reference table of marks of here-documents', { skip }, () => {
  const groups = table<{ func: string; line: number; value: readonly unknown[] }[]>('parser-heredoc-literals.json');
  const [extracts, valid, invalid, none, fromLine] = groups.map((each) => each.value);
  for (const text of valid as string[]) assert.equal(nameOf(text), 'EOF', text);
  for (const text of invalid as string[]) assert.equal(parseHeredocMark(text).kind, 'invalid', text);
  for (const text of none as string[]) assert.equal(parseHeredocMark(text).kind, 'none', text);
  for (const { line, heredocNames } of fromLine as { line: string; heredocNames: string[] | null }[]) {
    const names = heredocMarks(line).map((each) => (each.kind === 'heredoc' ? each.mark.name : ''));
    // The table gives a name for `<<- EOF`, but the reference program finds none there.
    assert.deepEqual(names, line.includes('<<- ') ? [] : (heredocNames ?? []), line);
  }
  for (const expected of (extracts as (ExpectedHeredoc[] | null)[]).filter((each) => each !== null)) {
    const { stages } = parseDockerfile(
      `FROM a\nRUN ${expected.map(markOf).join(' ')}\n${expected.map(bodyOf).join('')}`,
    );
    const run = stages[0]?.instructions[0] as RunInstruction;
    assert.deepEqual(
      run.heredocs.map(({ name, content, expand, stripTabs, descriptor }) => [
        name,
        content,
        expand,
        stripTabs,
        descriptor,
      ]),
      expected.map((each) => [each.Name, each.Content, each.Expand, each.Chomp ?? false, each.FileDescriptor ?? 0]),
    );
  }
});

test('the reference table of words', { skip }, () => {
  for (const { input, expect } of table<{ input: [string]; expect: string[] }[]>('words-parser.json')) {
    const line = { text: input[0], pieces: [{ offset: 0, line: 1, column: 1 }] };
    const result = quotedWords({ line, start: 0, end: input[0].length }, '\\');
    assert.deepEqual(result.kind === 'arguments' && result.words.map((word) => word.text), expect);
  }
});

test('the reference table of devices', { skip }, () => {
  interface DeviceCase {
    readonly input: string;
    readonly expected: { readonly Name: string; readonly Required: boolean } | null;
    readonly expectedErr: { readonly args: readonly string[] } | null;
  }
  for (const { input, expected, expectedErr } of table<DeviceCase[][]>('parse-device.json').flat()) {
    const result = parseDevice(input);
    if (result.kind === 'invalid') assert.equal(result.message, expectedErr?.args[0], input);
    else assert.deepEqual(result.device, { name: expected?.Name, required: expected?.Required }, input);
  }
});

interface HeredocCase {
  readonly dockerfile: string;
  readonly expectedError?: string;
}

interface ExpectedHeredoc {
  readonly Name: string;
  readonly Content: string;
  readonly Expand: boolean;
  readonly Chomp?: boolean;
  readonly FileDescriptor?: number;
}

function markOf(heredoc: ExpectedHeredoc): string {
  const name = heredoc.Name.replaceAll("'", "\\'");
  return `${heredoc.FileDescriptor ?? ''}<<${heredoc.Chomp === true ? '-' : ''}${heredoc.Expand ? name : `"${heredoc.Name}"`}`;
}

function bodyOf(heredoc: ExpectedHeredoc): string {
  return `${heredoc.Content}${heredoc.Name}\n`;
}

function nameOf(mark: string): string | undefined {
  const result = parseHeredocMark(mark);
  return result.kind === 'heredoc' ? result.mark.name : undefined;
}

function heredocJson(instruction: Instruction | undefined): unknown {
  const common = { dockerfile: instruction?.original, name: undefined };
  assert.ok(instruction?.kind === 'run' || instruction?.kind === 'copy');
  const dockerfile = textWithBodies(instruction);
  if (instruction.kind === 'run') {
    const { command } = instruction;
    const files = instruction.heredocs.map((each) => ({
      ...(each.stripTabs ? { Chomp: true } : {}),
      Data: each.content,
      Name: each.name,
    }));
    const words = command.form === 'exec' ? command.args.map((word) => word.text) : [command.script.text];
    return {
      ...common,
      dockerfile,
      command: words,
      shell: command.form === 'shell',
      ...(files.length > 0 && { files }),
    };
  }
  const contents = instruction.inlineFiles.map((each) => ({
    Data: each.content,
    Expand: each.expand,
    Path: each.name,
  }));
  const paths = instruction.sources.map((word) => word.text);
  return {
    ...common,
    dockerfile,
    sourcesAndDest: {
      DestPath: instruction.destination.text,
      ...(contents.length > 0 && { SourceContents: contents }),
      ...(paths.length > 0 && { SourcePaths: paths }),
    },
  };
}

function textWithBodies(instruction: RunInstruction | CopyInstruction): string {
  if (instruction.kind === 'run') {
    return [instruction.original, ...instruction.heredocs.map((each) => each.content + each.name)].join('\n');
  }
  const bodies = instruction.inlineFiles.map((each) => {
    const raw = instruction.original.includes(`<<-${each.name}`)
      ? each.content.replaceAll(/^(?=.)/gm, '\t')
      : each.content;
    return raw + each.name;
  });
  return [instruction.original, ...bodies].join('\n');
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

function table<T>(name: string): T {
  return JSON.parse(readFileSync(join(tables, name), 'utf8')) as T;
}

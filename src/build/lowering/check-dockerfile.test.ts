import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseDockerfile, parseIgnore, type CheckReport } from '../../dockerfile/index.ts';
import type { StoredImage } from '../../image/index.ts';
import { checkUnder, warnOfFindings, type CheckSources } from './check-dockerfile.ts';

const data = join(import.meta.dirname, '../../../../shared/data');
const skip = !existsSync(data) && 'the shared data is not here';

function rulesOf({ findings }: CheckReport): readonly string[] {
  return findings.map(({ rule, instruction }) => `${rule} ${instruction.start.line}`);
}

test('nothing is said of variables that a base could set of which nothing is known, but for likely misspellings', () => {
  const text = 'FROM a\nARG DIR_ASSETS=x\nCOPY $GOPATH $DIR_ASSET $v /x/\nWORKDIR $HOME\nEXPOSE $PORT\n';
  const { findings, errors } = check(text, { find: () => undefined });
  assert.deepEqual(
    findings.map(({ message }) => message),
    ["Usage of undefined variable '$DIR_ASSET' (did you mean $DIR_ASSETS?)"],
  );
  assert.deepEqual(errors, []);
});

test('a base for another platform, its SHELL and its triggers are found in the store', () => {
  const config = { Shell: ['/bin/bash', '-c'], OnBuild: ['COPY $x /', 'CMD ["a"]'] };
  const image = { config: { os: 'linux', architecture: 'arm64', config } } as unknown as StoredImage;
  const report = check('# c\nFROM a\nCMD b\n', { find: () => image });
  assert.deepEqual(rulesOf(report), [
    'UndefinedVar 2',
    'MultipleInstructionsDisallowed 2',
    'InvalidBaseImagePlatform 2',
  ]);
});

test('triggers of a stage are checked where they are carried out, once', () => {
  const text = 'FROM scratch AS a\nONBUILD WORKDIR x\nFROM a AS b\nFROM b\nWORKDIR y\n';
  assert.deepEqual(rulesOf(check(text)), ['WorkdirRelativePath 3']);
});

test('a comment right above switches checks off for one instruction, or experimental ones on', () => {
  const off = 'FROM scratch\n# check=skip=JSONArgsRecommended // here\nCMD a\nFROM scratch\n# check=skip=\nCMD a\n';
  assert.deepEqual(rulesOf(check(off)), ['JSONArgsRecommended 6']);
  const on = 'FROM scratch\n# check=experimental=all\n# what\nARG a\n# what\nARG b\n';
  assert.deepEqual(rulesOf(check(on)), ['InvalidDefinitionDescription 4']);
});

test('only the stages that the targets need are checked', () => {
  const text = 'FROM scratch AS a\nCMD x\nFROM scratch AS b\nCMD x\nFROM scratch AS c\nCOPY --from=b / /\nCMD x\n';
  assert.deepEqual(rulesOf(check(text, { targets: ['c'] })), ['JSONArgsRecommended 4', 'JSONArgsRecommended 7']);
  const { errors } = check(text, { targets: ['bb'] });
  assert.equal(errors[0]?.message, 'target stage "bb" could not be found (did you mean b?)');
});

test('all that a build would fail with is told at once, with its place', () => {
  const text = [
    'ARG a=${b?}',
    'FROM $c AS x',
    'COPY --from=7 a /',
    'COPY --from=y a /',
    'FROM --platform=a/b/c/d scratch AS y',
    'ENV a=${b:?no} c="',
    'EXPOSE 99999 ${d',
    'RUN --mount=from=z,target=/$f true',
    'FROM Upper',
  ].join('\n');
  const errors = check(text).errors.map(({ message, span }) => `${span.start.line}:${span.start.column} ${message}`);
  assert.deepEqual(errors.slice(0, -1), [
    '1:5 failed to process "${b?}": b: is not allowed to be unset',
    '2:6 base name ($c) should not be blank',
    '3:6 invalid stage index 7',
    '4:6 cannot copy from stage "y", it needs to be defined before current stage "x"',
    '5:6 failed to parse platform a/b/c/d',
    '6:5 failed to process "${b:?no}": b: no',
    '6:16 failed to process "\\"": unexpected end of statement while looking for matching double-quote',
    '7:8 invalid containerPort: 99999',
    '7:14 failed to process "${d": syntax error: missing \'}\'',
  ]);
  assert.match(errors.at(-1) ?? '', /^9:6 .*"Upper"/);
});

test('a build says its findings in one line each, and fails because of them where the file wants that', () => {
  const lines: string[] = [];
  const sources = { platform: amd64, images: { find: () => made }, warn: (line: string) => lines.push(line) };
  const conditions = { buildArgs: new Map(), targets: [], platforms: [] };
  const text = 'FROM scratch\nRUN a \\\n\n b\nCMD x\n';
  const fromAs = 'Empty continuation line (line 4)';
  warnOfFindings(conditions, parseDockerfile(text), sources);
  assert.deepEqual(lines, [
    `NoEmptyContinuation: ${fromAs}`,
    'JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 5)',
  ]);
  const strict = parseDockerfile(`# check=error=true\n${text}`);
  assert.throws(() => warnOfFindings(conditions, strict, sources), {
    code: 'invalid',
    message: 'lint violation found for rules: NoEmptyContinuation, JSONArgsRecommended',
  });
});

interface Row {
  readonly id: string;
  readonly dockerfile: string;
  readonly buildkit: {
    readonly lint?: readonly ExpectedFinding[];
    readonly lintBuildError?: { readonly msg: string; readonly lines: readonly (readonly [number, number])[] };
  };
}

interface ReferenceCase {
  readonly id: string;
  readonly dockerfile: string;
  readonly dockerignore: string | null;
  readonly frontendAttrs: Readonly<Record<string, string>> | null;
  readonly expect: { readonly warnings: readonly ReferenceWarning[] | null; readonly buildErr: string | null };
}

type ReferenceWarning =
  | { readonly RuleName: string; readonly Detail: string; readonly Description: string; readonly Line: number }
  | { readonly $call: 'makeLintWarning'; readonly args: readonly [instruction: string, line: number] };

interface ExpectedFinding {
  readonly rule: string;
  readonly msg: string;
  readonly lines: readonly (readonly [number, number])[];
}

/** Files of the corpus whose findings are meant to differ from BuildKit's, with the reason. */
const intended: ReadonlyMap<string, string> = new Map(
  ['23f4df3f21ef2420', 'c8fd349ab8c75ebc', '2f514dd14b0840b3'].map((id) => [
    id,
    'a FROM that is an error has no casing to be found fault with',
  ]),
);

test('every real Dockerfile has the findings that BuildKit has', { skip }, () => {
  for (const { id, dockerfile, buildkit } of readRows()) {
    if (intended.has(id)) continue;
    const got = check(dockerfile).findings.map(({ rule, message, instruction }) =>
      JSON.stringify([rule, message, linesOf(instruction)]),
    );
    const expected = (buildkit.lint ?? []).map(({ rule, msg, lines }) => JSON.stringify([rule, msg, lines]));
    // BuildKit stops at the first error: there, what it found before must be found, and more may be.
    const unexpected = buildkit.lintBuildError === undefined ? missing(got, expected) : [];
    assert.deepEqual([missing(expected, got), unexpected], [[], []], id);
  }
});

test('the reference cases of the build checks', { skip }, () => {
  for (const { id, dockerfile, dockerignore, frontendAttrs, expect } of readCases()) {
    const option = frontendAttrs?.['build-arg:BUILDKIT_DOCKERFILE_CHECK'];
    const buildArgs = new Map(option === undefined ? [] : [['BUILDKIT_DOCKERFILE_CHECK', option]]);
    const { findings, failed } = check(dockerfile, { ignore: dockerignore, buildArgs });
    const got = findings.map(({ rule, message, description, instruction }) => [
      rule,
      message,
      description,
      instruction.start.line,
    ]);
    const expected = (expect.warnings ?? []).map(expectedFinding);
    assert.deepEqual(got.toSorted(), expected.toSorted(), id);
    assert.equal(failed, expect.buildErr?.startsWith('lint violation') ?? false, id);
  }
});

function readRows(): readonly Row[] {
  const lines = gunzipSync(readFileSync(join(data, 'dockerfiles.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as Row);
}

function readCases(): readonly ReferenceCase[] {
  return JSON.parse(readFileSync(join(data, 'language/lint-check-cases.json'), 'utf8')) as readonly ReferenceCase[];
}

/** One case abbreviates what it expects. */
function expectedFinding(warning: ReferenceWarning): readonly (string | number)[] {
  if (!('$call' in warning)) return [warning.RuleName, warning.Detail, warning.Description, warning.Line];
  const [instruction, line] = warning.args;
  const detail = `Multiple ${instruction} instructions should not be used in the same stage because only the last one will be used`;
  const description = 'Multiple instructions of the same type should not be used in the same stage';
  return ['MultipleInstructionsDisallowed', detail, description, line];
}

interface Given {
  readonly buildArgs?: ReadonlyMap<string, string>;
  readonly targets?: readonly string[];
  readonly ignore?: string | null;
  readonly find?: CheckSources['images']['find'];
}

function check(text: string, given: Given = {}): CheckReport {
  const { buildArgs = new Map(), targets = [], ignore, find = () => made } = given;
  const sources = { platform: amd64, images: { find }, ignore: parseIgnore(ignore ?? '') };
  return checkUnder({ buildArgs, targets, platforms: [] }, parseDockerfile(text), sources);
}

const amd64 = { os: 'linux', architecture: 'amd64' };
/** What BuildKit was given for every base. */
const made = {
  config: { ...amd64, config: { Env: ['PATH=/usr/bin:/bin'], WorkingDir: '/' } },
} as unknown as StoredImage;

function linesOf({ start, end }: { start: { line: number }; end: { line: number } }): readonly (readonly number[])[] {
  return Array.from({ length: end.line - start.line + 1 }, (_, index) => [start.line + index, start.line + index]);
}

/** Those of `wanted` that are not in `found`, each as often as it is missing. */
function missing(wanted: readonly string[], found: readonly string[]): readonly string[] {
  const left = [...found];
  return wanted.filter((each) => {
    const index = left.indexOf(each);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

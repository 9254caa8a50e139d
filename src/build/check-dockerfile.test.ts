import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseDockerfile, type CheckReport } from '../dockerfile/index.ts';
import type { StoredImage } from '../image/index.ts';
import { checkRead, type CheckOptions } from './check-dockerfile.ts';

const data = join(import.meta.dirname, '../../../shared/data');
const skip = !existsSync(data) && 'the shared data is not here';
const folder = mkdtempSync(join(tmpdir(), 'varve-checks-'));
after(() => rmSync(folder, { recursive: true }));

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

function check(text: string, given: Partial<CheckOptions> & { readonly ignore?: string | null } = {}): CheckReport {
  writeFileSync(join(folder, '.dockerignore'), given.ignore ?? '');
  const options = { contextDir: folder, buildArgs: new Map(), targets: [], platforms: [], ...given };
  const read = {
    dockerfile: parseDockerfile(text),
    source: { name: 'Dockerfile', text },
    path: join(folder, 'Dockerfile'),
  };
  return checkRead(read, options, { platform: amd64, images: { ...noImages, find: () => made } });
}

const amd64 = { os: 'linux', architecture: 'amd64' };
/** What BuildKit was given for every base. */
const made = {
  config: { ...amd64, config: { Env: ['PATH=/usr/bin:/bin'], WorkingDir: '/' } },
} as unknown as StoredImage;
const noImages = {} as Parameters<typeof checkRead>[2]['images'];

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

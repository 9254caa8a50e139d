import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsDocker } from '../src/std/docker-peer.fixture.ts';
import { checkWithDocker } from './docker-oracle.ts';
import { TestStore } from './test-store.ts';

const flawed = [
  '# check=experimental=all',
  'from scratch as Base',
  'MAINTAINER me',
  'ENV key value',
  'COPY ignored/a /b',
  'WORKDIR foo',
  'CMD first',
  'CMD second',
  'EXPOSE 80/TCP 90:90',
  'ONBUILD COPY $x /',
  'FROM base AS base',
  '# what it is',
  'ARG api_token=$y',
  'COPY <<E \\',
  '',
  '  /t',
  '$z',
  'E',
  '',
].join('\n');
const files = { Dockerfile: flawed, '.dockerignore': 'ignored\n' };

test(
  'varve build --check prints what docker build --check prints, with links to pages of its own',
  { skip: needsDocker },
  async () => {
    await using store = new TestStore();
    const context = store.context('flawed', files);
    const own = await store.run(['build', '--check', context]);
    const expected = await checkWithDocker(['--check', context]);
    const links = /https:\/\/docs\.docker\.com\/go\/dockerfile\/rule\/([a-z-]+)\//g;
    const told = expected.stdout.replaceAll(links, 'docs/checks/$1.md');
    assert.deepEqual(blocks(own.stdout).toSorted(), blocks(told).toSorted());
    assert.equal(own.code, expected.code);
  },
);

test('--check --format json has the fields of BuildKit', { skip: needsDocker }, async () => {
  await using store = new TestStore();
  const context = store.context('flawed', files);
  const own = JSON.parse((await store.run(['build', '--check', '--format', 'json', context])).stdout) as LintResults;
  const expected = JSON.parse((await checkWithDocker(['--call=check,format=json', context])).stdout) as LintResults;
  assert.deepEqual(own.warnings?.map(comparable).toSorted(), expected.warnings?.map(comparable).toSorted());
  assert.equal(own.sources[0]?.data, expected.sources[0]?.data);
  assert.equal(own.sources[0]?.language, expected.sources[0]?.language);
});

test('a sound Dockerfile passes; error=true, a finding and an error each make the exit code 1', async () => {
  await using store = new TestStore();
  const sound = await store.run([
    'build',
    '--check',
    store.context('sound', { Dockerfile: 'FROM nowhere.invalid/x\n' }),
  ]);
  assert.deepEqual([sound.code, sound.stdout], [0, 'Check complete, no warnings found.\n']);
  const strict = store.context('strict', { Dockerfile: '# check=error=true\nFROM scratch AS a\nCMD x\n' });
  const failed = await store.run(['build', '--check', strict]);
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /\nERROR: lint violation found for rules: JSONArgsRecommended\n$/);
  const built = await store.build(strict, '-t', 'x');
  assert.equal(built.code, 1);
  assert.match(built.stderr, /JSONArgsRecommended: .* \(line 3\)\n[^]*ERROR: lint violation found for rules: JSONArg/);
});

test('all mistakes of a file are told in one run, with line, column, excerpt and what was probably meant', async () => {
  await using store = new TestStore();
  const Dockerfile = 'FROM scratch AS one\nRNU x\nCOPY --form=one a \\\n  b\n';
  const context = store.context('broken', { Dockerfile });
  for (const told of [await store.run(['build', '--check', context]), await store.run(['build', context])]) {
    const text = told.stdout + told.stderr;
    assert.equal(told.code, 1);
    assert.match(text, /unknown instruction: RNU \(did you mean RUN\?\)\n\S*Dockerfile:2:1\n/);
    assert.match(
      text,
      /unknown flag: --form \(did you mean from\?\)\n\S*Dockerfile:3:6\n-+\n[^]*>>> COPY --form=one a/,
    );
    assert.doesNotMatch(text, /\n {4}at /);
  }
});

function blocks(text: string): readonly string[] {
  const parts = text.trim().split(/\n(?=WARNING: )/);
  return parts.map((block) => block.trim());
}

interface LintResults {
  readonly warnings: readonly LintWarning[] | null;
  readonly sources: readonly { readonly data: string; readonly language: string }[];
}

interface LintWarning {
  readonly ruleName: string;
  readonly description: string;
  readonly detail: string;
  readonly location: object;
}

function comparable({ ruleName, description, detail, location }: LintWarning): string {
  return JSON.stringify([ruleName, description, detail, location]);
}

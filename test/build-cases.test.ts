/**
 * Whole builds, one folder of `build-cases/` each:
 *
 *     Dockerfile        or `context/Dockerfile`, where the place matters
 *     context/          what COPY and ADD see
 *     setup.sh          makes in the context what a repository cannot hold: FIFOs, links, modes, times
 *     base.Dockerfile   built first, without a context, as `varve-case-base:latest`
 *     args              further arguments of the build, one a line; `@CASE@` is where the case is
 *     expected.json     what comes of it: how the tree differs from the base's, and the config; or the error
 *
 * The base of all is `varve-cases:base`. `UPDATE_GOLDEN=1` rewrites `expected.json`, `npm run format` then lays it out;
 * `BUILD_CASE=env` runs only the cases whose names begin so. Where a real Docker is at hand, it builds the same and must
 * come to the same, but for the differences that are listed here, each with its reason.
 */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsDocker } from '../src/std/docker-peer.fixture.ts';
import { comparableConfig } from './compared-config.ts';
import { DockerOracle } from './docker-oracle.ts';
import { readImageArchive, treeChanges, type ImageFacts } from './image-archive.ts';
import { needsRoot, runProgram, TestStore, type Ended } from './test-store.ts';

const casesDir = join(import.meta.dirname, 'build-cases');
const baseName = 'varve-cases:base';
const caseBaseName = 'varve-case-base:latest';
const caseName = 'varve-case:latest';

/** Docker knows the images under names of this process alone: others may build the same cases there at the same time. */
const inDocker = (name: string): string => `${process.pid}-${name}`;

/** With the folders on which a runtime mounts: Docker leaves them where they were missing. */
const baseDockerfile = 'FROM busybox:local\nWORKDIR /dev\nWORKDIR /proc\nWORKDIR /sys\nWORKDIR /\n';

interface Difference {
  readonly reason: string;
  /**
   * What Docker comes to where varve does not: it builds, it fails, or it comes to another tree at these paths. Not
   * asked where there is nothing to compare with.
   */
  readonly docker: 'builds' | 'fails' | 'not asked' | { readonly paths: RegExp };
}

/** Those of docs/differences.md that a case meets. What all builds meet stands in `comparableConfig`. */
const differences: Readonly<Record<string, Difference>> = {
  'copy-heredoc': { reason: 'files written in the Dockerfile have the time 0', docker: { paths: / @0$/ } },
  'copy-link-heredoc': { reason: 'files written in the Dockerfile have the time 0', docker: { paths: / @0$/ } },
  'copy-link-names': { reason: 'a copy onto nothing knows no names; this Docker has no merging', docker: 'builds' },
  'copy-link-symlink': {
    reason: 'links of the base are not followed; this Docker has no merging',
    docker: { paths: /^. \/(way|real).*/ },
  },
  'copy-parents-basics': { reason: 'this Docker does not know --parents yet', docker: 'fails' },
  'copy-parents-from': { reason: 'this Docker does not know --parents yet', docker: 'fails' },
  'copy-parents-patterns': { reason: 'this Docker does not know --parents yet', docker: 'fails' },
  'copy-parents-pivot': { reason: 'this Docker does not know --parents yet', docker: 'fails' },
  'from-arg': { reason: 'its base has another name there', docker: { paths: /^\+ \/seen .*/ } },
  'from-scratch-metadata': { reason: 'Docker cannot save an image without layers', docker: 'not asked' },
  'run-network-host-refused': { reason: 'Docker is asked with --network=host, which allows it', docker: 'not asked' },
  'run-security-insecure': { reason: 'the daemon has to be started with the entitlement', docker: 'not asked' },
  'run-fails-signal': { reason: 'an init is the first process, so a shell can end itself', docker: 'builds' },
  'run-scratch-mounts-leave-nothing': {
    reason: 'folders made to mount on are no part of a layer',
    docker: { paths: /^\+ \/(dev|proc|sys) .*/ },
  },
  'syntax-directive': { reason: 'a frontend is never fetched: the directive is a version hint', docker: 'fails' },
  'target-by-number': { reason: 'a target may be given by number', docker: 'fails' },
  'tree-root-mode': { reason: 'BuildKit loses changes of the root folder itself', docker: 'fails' },
  'tree-xattrs': { reason: 'attributes of files in the context are kept', docker: { paths: / user\..*/ } },
  'tree-whiteout-names': { reason: 'BuildKit loses the file without a word', docker: 'builds' },
};

/** What a build came to: as `expected.json` has it. */
type Outcome =
  | { readonly tree: readonly string[]; readonly config: Readonly<Record<string, unknown>> }
  | { readonly exitCode: number | null; readonly error: readonly string[] };

describe('build cases', { skip: needsRoot }, () => {
  const store = new TestStore();
  const outcomes = new Map<string, Outcome>();
  let base: ImageFacts;
  let oracle: DockerOracle | undefined;

  before(async () => {
    await store.busybox();
    await store.ok(['build', '-q', '-t', baseName, store.context('base', { Dockerfile: baseDockerfile })]);
    const archive = join(store.folder, 'base.tar');
    await store.ok(['save', '-o', archive, baseName]);
    base = readImageArchive(archive);
    if (needsDocker !== false) return;
    oracle = new DockerOracle(join(store.folder, 'docker'));
    await oracle.load(archive, inDocker(baseName));
  });
  after(async () => {
    await oracle?.[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  for (const name of caseNames()) {
    test(`${name}: as expected`, async () => {
      const outcome = await varveOutcome(store, base, await preparedCase(store, name));
      outcomes.set(name, outcome);
      compareWithGolden(name, outcome);
    });
    const skip = needsDocker || (differences[name]?.docker === 'not asked' && differences[name].reason);
    test(`${name}: as Docker has it`, { skip }, async () => {
      assert.ok(oracle !== undefined);
      const ours = outcomes.get(name);
      assert.ok(ours !== undefined, 'varve came to nothing');
      compareWithDocker(name, { ours, theirs: await dockerOutcome(oracle, base, await preparedCase(store, name)) });
    });
  }
});

function caseNames(): readonly string[] {
  const wanted = process.env['BUILD_CASE'];
  const names = readdirSync(casesDir).filter((name) => statSync(join(casesDir, name)).isDirectory());
  return names.filter((name) => wanted === undefined || name.startsWith(wanted)).toSorted();
}

interface PreparedCase {
  readonly name: string;
  /** Of the build, the context included. */
  readonly args: readonly string[];
  /** Of the build of its base, where it has one of its own. */
  readonly baseArgs: readonly string[] | undefined;
  /** Where the bases are named. */
  readonly dockerfiles: readonly string[];
}

/** A copy of the case where both builders see it, with modes that do not depend on who checked it out. */
async function preparedCase(store: TestStore, name: string): Promise<PreparedCase> {
  const source = join(casesDir, name);
  const files = join(store.folder, 'cases', name);
  if (!existsSync(files)) {
    cpSync(source, files, { recursive: true });
    await prepareContext(join(files, 'context'), join(files, 'setup.sh'));
  }
  const context = join(files, 'context');
  const file = existsSync(join(context, 'Dockerfile')) ? [] : ['-f', join(files, 'Dockerfile')];
  const baseFile = join(files, 'base.Dockerfile');
  return {
    name,
    args: [...linesOf(join(source, 'args')).map((line) => line.replaceAll('@CASE@', files)), ...file, context],
    baseArgs: existsSync(baseFile) ? ['-f', baseFile, store.context('empty', {})] : undefined,
    dockerfiles: [join(context, 'Dockerfile'), join(files, 'Dockerfile'), baseFile],
  };
}

async function prepareContext(context: string, setup: string): Promise<void> {
  mkdirSync(context, { recursive: true });
  for (const entry of ['', ...readdirSync(context, { recursive: true, encoding: 'utf8' })]) {
    const path = join(context, entry);
    chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
  if (!existsSync(setup)) return;
  const ended = await runProgram('sh', ['-eu', setup], { cwd: context });
  assert.equal(ended.code, 0, ended.stderr);
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

async function varveOutcome(store: TestStore, base: ImageFacts, { args, baseArgs }: PreparedCase): Promise<Outcome> {
  if (baseArgs !== undefined) await store.ok(['build', '-q', '-t', caseBaseName, ...baseArgs]);
  const built = await store.run(['build', '--progress=plain', '-t', caseName, ...args]);
  if (built.code !== 0) return { exitCode: built.code, error: errorOf(built, store.folder) };
  const archive = join(store.folder, 'case.tar');
  await store.ok(['save', '-o', archive, caseName]);
  return outcomeOf(base, readImageArchive(archive));
}

async function dockerOutcome(oracle: DockerOracle, base: ImageFacts, prepared: PreparedCase): Promise<Outcome> {
  for (const file of prepared.dockerfiles) renameBases(file);
  if (prepared.baseArgs !== undefined) {
    const ended = await oracle.build(inDocker(caseBaseName), prepared.baseArgs);
    assert.equal(ended.code, 0, ended.stderr);
  }
  const built = await oracle.build(inDocker(caseName), prepared.args.map(withRenamedBases));
  if (built.code !== 0) return { exitCode: built.code, error: dockerError(built) };
  const outcome = JSON.stringify(outcomeOf(base, await oracle.facts(inDocker(caseName))));
  return JSON.parse(outcome.replaceAll(inDocker('varve-case'), 'varve-case')) as Outcome;
}

function renameBases(file: string): void {
  if (!existsSync(file) || !statSync(file).isFile()) return;
  const text = readFileSync(file, 'latin1');
  writeFileSync(file, withRenamedBases(text), 'latin1');
}

function withRenamedBases(text: string): string {
  return text.replaceAll(/\bvarve-case(s|-base)\b/g, inDocker);
}

/** Without the files of the base, unless the image stands on nothing. */
function outcomeOf(base: ImageFacts, { tree, config }: ImageFacts): Outcome {
  const below = tree.has('/bin/busybox') ? base.tree : new Map<string, string>();
  return { tree: treeChanges(below, tree), config };
}

/** From `ERROR` on, without what differs from run to run. */
function errorOf({ stderr }: Ended, folder: string): readonly string[] {
  const lines = stderr
    .trimEnd()
    .replaceAll(join(folder, 'cases'), 'CASES')
    .replaceAll(/tini \(\d+\)/g, 'tini (N)')
    .replaceAll(/\S+\/logs\/[0-9a-f]{32}\.log/g, 'LOG')
    .split('\n');
  return lines.slice(
    Math.max(
      lines.findIndex((line) => line.startsWith('ERROR')),
      0,
    ),
  );
}

function dockerError({ stderr }: Ended): readonly string[] {
  assert.match(stderr, /failed to solve|dockerfile parse error/, 'Docker failed before it came to the Dockerfile');
  return stderr.split('\n');
}

function compareWithGolden(name: string, outcome: Outcome): void {
  const golden = join(casesDir, name, 'expected.json');
  const text = `${JSON.stringify(outcome, undefined, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text);
  assert.ok(existsSync(golden), `there is no ${golden}: make it with UPDATE_GOLDEN=1`);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(golden, 'utf8')));
}

function compareWithDocker(name: string, { ours, theirs }: { readonly ours: Outcome; readonly theirs: Outcome }): void {
  const docker = differences[name]?.docker;
  if (docker === 'builds') return assert.ok('error' in ours && !('error' in theirs), 'the difference is gone');
  if (docker === 'fails') return assert.ok(!('error' in ours) && 'error' in theirs, 'the difference is gone');
  if ('error' in theirs) return assert.ok('error' in ours, `Docker fails: ${theirs.error.slice(-20).join('\n')}`);
  const ignored = typeof docker === 'object' ? docker.paths : /^$/;
  assert.deepEqual(comparable(ours, ignored), comparable(theirs, ignored));
}

function comparable(outcome: Outcome, ignored: RegExp): Outcome {
  if ('error' in outcome) return outcome;
  const tree = outcome.tree.map((line) => line.replace(ignored, '')).filter(Boolean);
  return { tree, config: comparableConfig(outcome.config) };
}

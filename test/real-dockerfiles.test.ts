/**
 * Real Dockerfiles, rewritten so that they need no network, built by varve and by a real Docker. `REAL_DOCKERFILES=0-200`
 * builds these of the corpus instead of the few of every run.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { needsDocker } from '../src/std/docker-peer.fixture.ts';
import { BuildComparison } from './build-comparison.ts';
import { rewriteDockerfile, type CorpusNode } from './rewritten-dockerfile.ts';
import { needsRoot, repository, writeFiles, type FileSpec } from './test-store.ts';

const corpus = join(repository, '../shared/data/dockerfiles.jsonl.gz');
const needsCorpus = existsSync(corpus) ? false : 'needs the corpus of real Dockerfiles beside the repository';

interface Row {
  readonly id: string;
  readonly path: string;
  readonly dockerfile: string;
  readonly buildkit: {
    readonly ast?: readonly CorpusNode[];
    readonly parseError?: unknown;
    readonly convertError?: unknown;
  };
}

describe('real Dockerfiles', { skip: needsRoot || needsDocker || needsCorpus }, () => {
  let comparison: BuildComparison;
  before(async () => {
    comparison = new BuildComparison();
    await comparison.prepare();
  });
  after(() => comparison[Symbol.asyncDispose]());

  for (const row of needsCorpus === false ? chosen(process.env['REAL_DOCKERFILES'] ?? '0-3') : []) {
    test(`${row.id} ${row.path}: as Docker has it`, async () => {
      const { dockerfile, context } = rewriteDockerfile(row.dockerfile, row.buildkit.ast ?? [], comparison.base);
      const folder = join(comparison.store.folder, row.id);
      mkdirSync(folder);
      for (const [path, spec] of context) writeUnlessFolder(folder, path, spec);
      writeFileSync(join(folder, 'Dockerfile'), dockerfile);
      assert.deepEqual(await comparison.differences([folder], undefined), [], dockerfile);
    });
  }
});

/** Those that copy something, in the order of their numbers, which say nothing about what is in them. */
function chosen(range: string): readonly Row[] {
  const [from = 0, to = from] = range.split('-').map(Number);
  const rows = gunzipSync(readFileSync(corpus)).toString().trim().split('\n');
  return rows
    .map((line) => JSON.parse(line) as Row)
    .filter(({ buildkit }) => buildkit.parseError === undefined && buildkit.convertError === undefined)
    .filter(({ buildkit }) => (buildkit.ast ?? []).filter(({ value }) => /^(copy|add)$/i.test(value)).length > 1)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .slice(from, to + 1);
}

/** One instruction may take for a file what another one takes for a folder. */
function writeUnlessFolder(folder: string, path: string, spec: FileSpec): void {
  for (let each = dirname(path); each !== '.'; each = dirname(each)) {
    if (existsSync(join(folder, each, '.')) || !existsSync(join(folder, each))) continue;
    return;
  }
  if (!existsSync(join(folder, path))) writeFiles(folder, { [path]: spec });
}

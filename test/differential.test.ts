/**
 * Builds made up by `random-dockerfile.ts`, built by varve and by a real Docker: both must fail, or come to the same tree
 * and config. `DIFFERENTIAL_SEEDS=1-500` builds these instead of the few of every run, `DIFFERENTIAL_KEEP=folder` keeps
 * what differed.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsDocker } from '../src/std/docker-peer.fixture.ts';
import { BuildComparison } from './build-comparison.ts';
import { writeContext } from './random-context.ts';
import { randomBuild, type RandomBases } from './random-dockerfile.ts';
import { needsRoot } from './test-store.ts';

describe('builds made up at random', { skip: needsRoot || needsDocker }, () => {
  let comparison: BuildComparison;
  before(async () => {
    comparison = new BuildComparison();
    await comparison.prepare();
  });
  after(() => comparison[Symbol.asyncDispose]());

  for (const seed of seeds(process.env['DIFFERENTIAL_SEEDS'] ?? '1-5')) {
    test(`build ${seed}: as Docker has it`, async () => {
      const folder = join(comparison.store.folder, `seed-${seed}`);
      const build = writeBuild(folder, seed, comparison);
      const differences = await comparison.differences(build.args, build.triggering);
      if (differences.length > 0) keep(folder, `${build.args.join(' ')}\n${differences.join('\n')}\n`);
      assert.deepEqual(differences, [], readFileSync(join(folder, 'context/Dockerfile'), 'utf8'));
    });
  }
});

interface WrittenBuild {
  readonly args: readonly string[];
  /** Of the build of the image with triggers. */
  readonly triggering: readonly string[] | undefined;
}

function writeBuild(folder: string, seed: number, bases: RandomBases): WrittenBuild {
  const build = randomBuild(seed, bases);
  const [context, triggering] = [join(folder, 'context'), join(folder, 'triggering')];
  mkdirSync(context, { recursive: true });
  writeContext(context, build.files, 1e9 + seed * 1000);
  writeFileSync(join(context, 'Dockerfile'), build.dockerfile);
  if (build.ignore !== undefined) writeFileSync(join(context, '.dockerignore'), build.ignore);
  if (build.triggering !== undefined) writeFileSync(triggering, build.triggering);
  return {
    args: [...build.args, context],
    triggering: build.triggering === undefined ? undefined : ['-f', triggering, context],
  };
}

function keep(folder: string, differences: string): void {
  const kept = process.env['DIFFERENTIAL_KEEP'];
  if (kept === undefined) return;
  const target = join(kept, basename(folder));
  cpSync(folder, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  writeFileSync(join(target, 'differences'), differences);
}

function seeds(range: string): readonly number[] {
  const [from = 1, to = from] = range.split('-').map(Number);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { hasErrors } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import type { ImageConfig } from '../../oci/index.ts';
import { imageOf } from './image-of-stage.ts';
import { planBuild } from './planned-build.fixture.ts';

const corpus = join(import.meta.dirname, '../../../../shared/data/dockerfiles.jsonl.gz');
const skip = existsSync(corpus) ? false : 'needs the corpus of real Dockerfiles beside the repository';

interface Row {
  readonly id: string;
  readonly path: string;
  readonly dockerfile: string;
  readonly buildkit: {
    readonly image?: ImageConfig;
    readonly convertError?: { readonly msg: string };
    readonly parseError?: unknown;
    readonly resolvedImages?: readonly string[];
  };
}

const slashOfWorkdir = 'WORKDIR /x/ is kept without the slash: it is the same folder';

test('every real Dockerfile comes to the config that BuildKit gives it', { skip }, async () => {
  const rows = gunzipSync(readFileSync(corpus)).toString().trim().split('\n');
  const differences: string[] = [];
  for (const row of rows.map((line) => JSON.parse(line) as Row)) {
    const [expected, actual] = [expectedOf(row), await outcomeOf(row.dockerfile)];
    if (expected === actual || intended.has(row.id)) continue;
    differences.push(`${row.id} ${row.path}\n  expected ${expected}\n  actual   ${actual}`);
  }
  assert.deepEqual(differences.length, 0, differences.slice(0, 40).join('\n'));
});

/** By the corpus's number, with the reason. */
const intended: ReadonlyMap<string, string> = new Map([
  ['4a24a00b4b2f2109', slashOfWorkdir],
  ['4b85498318edcf7a', slashOfWorkdir],
  ['6e85e2dd40e539e1', slashOfWorkdir],
  ['6af4a38a4eee8732', 'WORKDIR //foo is kept as /foo: it is the same folder'],
]);

function expectedOf({ buildkit }: Row): string {
  const { image, resolvedImages = [] } = buildkit;
  return image === undefined ? 'refused' : shown(image, resolvedImages);
}

async function outcomeOf(text: string): Promise<string> {
  try {
    using plan = planBuild(text);
    const target = plan.dockerfile.stages.at(-1);
    if (target === undefined || hasErrors(plan.dockerfile.diagnostics)) return 'refused';
    const options = { clock: { now: () => 0 }, labels: new Map<string, string>(), epochSec: undefined };
    return shown(imageOf(await plan.lowering.target(target), new Map(), options), plan.bases);
  } catch (error) {
    if (Fault.is(error, 'invalid')) return 'refused';
    throw error;
  }
}

/** Those properties of the image that the Dockerfile decides, and the images that it stands on. */
function shown({ author, architecture, os, config = {} }: ImageConfig, bases: readonly string[]): string {
  return JSON.stringify({ author, architecture, os, config, bases: [...new Set(bases)].toSorted() }, sortedKeys);
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

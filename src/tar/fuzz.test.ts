import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOf } from '../std/index.ts';
import { randomDraws, type Draw } from '../std/random-numbers.fixture.ts';
import { fixChecksum, rawMember, readArchive } from './archive.fixture.ts';
import { endOfArchive, formatHeader, scanTar } from './index.ts';
import type { TarEntry } from './index.ts';

const mutants = 20_000;

test('damaged archives give entries or a Fault, the same however they are cut into chunks', () => {
  const random = randomDraws(20_261_123);
  const seeds = seedArchives();
  for (let index = 0; index < mutants; index++) {
    const mutant = mutated(seeds[random(seeds.length)] ?? assert.fail(), random);
    const options = { maxRestoredBytes: 65_536 };
    // What is thrown and is no Fault passes through readArchive and fails the test.
    const whole = readArchive(mutant, options);
    const cut = readArchive(mutant, { ...options, chunkBytes: () => 1 + random(700) });
    assert.deepEqual(outline(cut), outline(whole), `mutant ${index}`);
    if (whole.fault === undefined) assert.deepEqual(scanned(mutant), whole.summary, `mutant ${index}`);
  }
});

function mutated(seed: Buffer, random: Draw): Buffer {
  const length = random(20) === 0 ? random(seed.length + 1) : seed.length;
  const mutant = Buffer.from(seed.subarray(0, length));
  if (length === 0) return mutant;
  for (let count = 1 + random(4); count > 0; count--) {
    // Most bytes of an archive are zeros that mean nothing: prefer those that do.
    let at = random(length);
    for (let tries = 0; tries < 20 && mutant[at] === 0; tries++) at = random(length);
    mutant[at] = random(3) === 0 ? random(256) : (interesting[random(interesting.length)] ?? 0);
    const block = at - (at % 512);
    const isHeader = block + 512 <= length && mutant.toString('latin1', block + 257, block + 262) === 'ustar';
    if (isHeader && random(10) > 0) fixChecksum(mutant, block);
  }
  return mutant;
}

const interesting = Buffer.from('\0\x80\xff\n =,-+./0179xgLKSDV', 'latin1');

function seedArchives(): Buffer[] {
  const entry: TarEntry = {
    path: bytesOf('grüße'),
    type: 'file',
    mode: 0o644,
    uid: 3_000_000,
    gid: 0,
    size: 700,
    mtime: { sec: -2, nsec: 5 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map([[bytesOf('user.a'), bytesOf('value')]]),
  };
  const long = rawMember({ typeFlag: 'L', content: `${'n'.repeat(600)}\0` });
  const own = Buffer.concat([
    formatHeader(entry),
    Buffer.alloc(1024),
    long,
    formatHeader({ ...entry, size: 0 }),
    endOfArchive,
  ]);
  return [own, ...corpusArchives('go'), ...corpusArchives('libarchive')];
}

/** Small archives of other programs, sparse ones among them; none where the corpus is not here. */
function corpusArchives(name: string): Buffer[] {
  const directory = join(import.meta.dirname, '../../../shared/data/tar', name);
  const names = existsSync(directory) ? readdirSync(directory).filter((each) => each.endsWith('.tar')) : [];
  return names.map((each) => readFileSync(join(directory, each))).filter((archive) => archive.length <= 72_000);
}

function outline({ members, summary, fault }: ReturnType<typeof readArchive>): object {
  return { members, summary, fault: fault && [fault.code, fault.message] };
}

function scanned(archive: Buffer): object {
  const read = (offset: number, length: number): Buffer => archive.subarray(offset, offset + length);
  return scanTar({ size: archive.length, read }, { entry: () => undefined });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf } from '../std/index.ts';
import { explainMiss } from './miss-reason.ts';
import { compareRecords } from './record-difference.ts';
import { recordOf } from './record-writer.ts';
import type { RecordFields, StepRecord } from './record.ts';
import type { EarlierStep } from './vertex.ts';

const b = bytesOf;

interface Case {
  readonly title: string;
  readonly before: RecordFields;
  readonly after: RecordFields;
  readonly changes: readonly string[];
  readonly counts?: readonly string[];
}

const file = { content: b('1'), mode: b('644') };

const cases: readonly Case[] = [
  {
    title: 'the same',
    before: { op: b('a'), env: { A: b('1') } },
    after: { env: { A: b('1') }, op: b('a') },
    changes: [],
  },
  { title: 'another instruction', before: { op: b('a') }, after: { op: b('b') }, changes: ['changed op a→b'] },
  {
    title: 'variables changed, added and removed',
    before: { env: { A: b('1'), B: b('2'), C: b('3') } },
    after: { env: { A: b('0'), B: b('2'), D: b('4') } },
    changes: ['changed env A 1→0', 'removed env C 3→', 'added env D →4'],
    counts: ['env 3/3'],
  },
  {
    title: 'a file with other content, one with other content and mode',
    before: { files: { a: file, b: file, c: file } },
    after: { files: { a: file, b: { ...file, content: b('2') }, c: { content: b('2'), mode: b('600') } } },
    changes: ['changed files b (content)', 'changed files c (content mode)'],
    counts: ['files 2/3'],
  },
  {
    title: 'an attribute that comes or goes',
    before: { files: { a: file, b: { ...file, link: b('x') } } },
    after: { files: { a: { ...file, link: b('x') }, b: file } },
    changes: ['changed files a (link)', 'changed files b (link)'],
    counts: ['files 2/2'],
  },
  {
    title: 'files added and removed, before, between and after those that stay',
    before: { files: { a: file, c: file, e: file } },
    after: { files: { b: file, c: file, f: file } },
    changes: ['removed files a', 'added files b', 'removed files e', 'added files f'],
    counts: ['files 4/3'],
  },
  {
    title: 'a list added',
    before: {},
    after: { files: { a: file }, z: b('1') },
    changes: ['added files', 'added z →1'],
  },
  {
    title: 'a list removed',
    before: { files: { a: file }, z: b('1') },
    after: { z: b('1') },
    changes: ['removed files'],
  },
  { title: 'a list for a value', before: { x: b('1') }, after: { x: { y: b('2') } }, changes: ['changed x 1→'] },
  {
    title: 'an item that becomes a list',
    before: { x: { y: b('1') } },
    after: { x: { y: { z: b('1') } } },
    changes: ['changed x y 1→'],
    counts: ['x 1/1'],
  },
  { title: 'an empty list for none', before: {}, after: { x: {} }, changes: ['added x'] },
];

for (const { title, before, after, changes, counts = [] } of cases) {
  test(`difference of records: ${title}`, () => {
    const difference = compareRecords(recordOf(before).packed, recordOf(after).packed);
    const shown = difference.changes.map((each) => {
      const item = each.item === undefined ? '' : ` ${each.item}`;
      const attributes = each.attributes === undefined ? '' : ` (${each.attributes.join(' ')})`;
      const values = 'before' in each || 'after' in each ? ` ${each.before ?? ''}→${each.after ?? ''}` : '';
      return `${each.kind} ${each.field}${item}${attributes}${values}`;
    });
    assert.deepEqual(shown, changes);
    assert.deepEqual(
      difference.counts.map((each) => `${each.field} ${each.changed}/${each.total}`),
      counts,
    );
  });
}

test('no more changes than asked for are listed, but all are counted', () => {
  const names = Array.from({ length: 500 }, (_, index) => [`f${index}`, b('x')]);
  const difference = compareRecords(
    recordOf({ env: {} }).packed,
    recordOf({ env: Object.fromEntries(names) }).packed,
    7,
  );
  assert.equal(difference.changes.length, 7);
  assert.deepEqual(difference.counts, [{ field: 'env', changed: 500, total: 500 }]);
});

const now = recordOf({ op: b('RUN b') });

function earlier(record: StepRecord, contentKey: string): EarlierStep {
  return { recordDigest: record.digest, contentKey, packed: () => record.packed };
}

test('a step of which no earlier build is known was never built', () => {
  assert.deepEqual(explainMiss(now, 'key', []), { kind: 'never-built' });
});

test('the same step on something else: the base changed', () => {
  const other = recordOf({ op: b('RUN a') });
  assert.deepEqual(explainMiss(now, 'key', [earlier(other, 'x'), earlier(now, 'y')]), { kind: 'base-changed' });
});

test('the same step on the same base: its result is gone', () => {
  assert.deepEqual(explainMiss(now, 'key', [earlier(now, 'key')]), { kind: 'result-missing' });
});

test('a step that differs is compared with the nearest earlier build whose record can be read', () => {
  const gone: EarlierStep = { recordDigest: 'gone', contentKey: 'x', packed: () => undefined };
  const damaged: EarlierStep = { recordDigest: 'damaged', contentKey: 'x', packed: () => Buffer.from('?') };
  const nearest = earlier(recordOf({ op: b('RUN a') }), 'x');
  const farther = earlier(recordOf({ op: b('RUN 0') }), 'x');
  assert.deepEqual(explainMiss(now, 'key', [gone, damaged, nearest, farther]), {
    kind: 'changed',
    changes: [{ field: 'op', kind: 'changed', before: 'RUN a', after: 'RUN b' }],
    counts: [],
  });
  assert.deepEqual(explainMiss(now, 'key', [gone, damaged]), { kind: 'never-built' });
});

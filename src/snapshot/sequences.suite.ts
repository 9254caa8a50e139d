import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Seen } from '../erofs/mounted-tree.fixture.ts';
import type { DiffId } from '../oci/index.ts';
import type { TreeChange } from './index.ts';
import {
  applyOperation,
  expectedTree,
  sequences,
  shownTree,
  type ExpectedChange,
  type Operation,
  type Sequence,
} from './sequence.fixture.ts';
import { skip, TestStore, type SnapshotterKind } from './store.fixture.ts';

/** The layer sequences of containerd's snapshot and differ suites, on mounted writable views. */
export function sequencesSuite(kind: SnapshotterKind): void {
  const reason = skip === false && sequences.length === 0 ? 'the data of layer sequences is not here' : skip;
  test(`${kind}: the layer sequences`, { skip: reason }, async (t) => {
    for (const sequence of sequences) {
      await t.test(`${kind}: ${sequence.id}`, () => (isMadeByHand(sequence) ? runByHand : run)(kind, sequence));
    }
  });
}

function run(kind: SnapshotterKind, sequence: Sequence): void {
  using store = new TestStore(kind);
  let chain: readonly DiffId[] = [];
  for (const [position, operations] of sequence.layers.entries()) {
    const tree = sequence.treeAfterLayer?.[position] ?? undefined;
    const isLong = sequence.layers.length > 20 && tree === undefined;
    const options = { compare: !isLong, ...untold.get(sequence.id) };
    const step = store.step(chain, (path) => applyAll(path, operations), options);
    chain = step.chain;
    if (tree !== undefined) assert.deepEqual(shown(sequence, step.seen), shown(sequence, expectedTree(tree)));
    const changes = expectedAfter(sequence, position);
    if (changes !== undefined) assert.deepEqual(step.changes, expectedList(changes));
  }
}

/** The upper directory is written past the kernel, with the marks that overlayfs would leave, those of user namespaces. */
function runByHand(kind: SnapshotterKind, sequence: Sequence): void {
  using store = new TestStore(kind);
  const [base = [], upper = []] = sequence.layers;
  const { chain } = store.step([], (path) => applyAll(path, base));
  using area = store.areas.temporary('step');
  store.snapshotter.writable(chain, area)[Symbol.dispose]();
  applyAll(join(area.workDir, 'upper'), upper);
  const told = expectedAfter(sequence, 1) ?? [];
  const expected: ExpectedChange[] = [
    ...told.filter((change) => !isOpaqueMark(change)),
    { kind: 'Delete', path: '/dir3/f' },
  ];
  assert.deepEqual(store.snapshotter.changes(chain, area.workDir), expectedList(expected));
}

function isMadeByHand({ layers }: Sequence): boolean {
  return layers.some((operations) => operations.some(({ op }) => op === 'CreateDeviceFile'));
}

/** How the differ suite tells that a directory hides what is below: we name what is gone. */
function isOpaqueMark({ path }: ExpectedChange): boolean {
  return path.endsWith('/.wh..opq');
}

function applyAll(path: string, operations: readonly Operation[]): void {
  for (const operation of operations) applyOperation(path, operation);
}

/** The differ suite tells of its last layers only. */
function expectedAfter(
  { layers, expectedChanges = [] }: Sequence,
  position: number,
): readonly ExpectedChange[] | undefined {
  return expectedChanges[position - (layers.length - expectedChanges.length)];
}

/**
 * Trees as lines. Without an index, which would tie a work folder to its layers, overlayfs parts a name that is written
 * from the other names that a lower layer has for the file: Docker's views do, a flat directory does not. Where a
 * sequence does that, of names that are linked only the status is compared.
 */
function shown({ id }: Sequence, tree: Tree): readonly string[] {
  const all = tree instanceof Map ? shownTree(tree) : (tree as readonly string[]).toSorted();
  return writesLinked.has(id) ? all.map((line) => line.replace(/^(\/etc\/hosts\S* file \S+ \S+) .*/, '$1')) : all;
}

/** Another content of the same length and of the same time to the nanosecond is no change, for containerd as for us. */
const untold = new Map([['continuity-diff/TestUpdateWithSameTime', { untold: 'file-same-time' }]]);

type Tree = ReadonlyMap<string, Seen> | readonly string[];

const writesLinked: ReadonlySet<string> = new Set([
  'continuity-fstest/basicTest',
  'continuity-fstest/hardlinkUnmodified',
  'continuity-fstest/hardlinkBeforeUnmodified',
  'continuity-fstest/hardlinkBeforeModified',
]);

const kinds = { Add: 'added', Modify: 'changed', Delete: 'deleted' } as const;

/** As we list them: with the directories that lead to a change, sorted. */
function expectedList(changes: readonly ExpectedChange[]): readonly TreeChange[] {
  const found = new Map<string, TreeChange['kind']>();
  for (const { path, kind } of changes) {
    found.set(path, kinds[kind]);
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (!found.has(path.slice(0, at))) found.set(path.slice(0, at), 'changed');
    }
  }
  return [...found.keys()].toSorted().map((path) => ({ kind: found.get(path), path }) as TreeChange);
}

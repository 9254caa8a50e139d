import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packAtOnce, packInSlices } from './pack-slices.ts';
import type { PackSlices } from './snapshotter.ts';
import { holder, skip, TestStore } from './store.fixture.ts';

const never = new AbortController().signal;

test('a large layer is packed in slices, between which others have their turn', { skip }, async () => {
  using store = new TestStore('directory');
  const sizes: number[] = [];
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  try {
    const { entryCount } = await packing(store, large, (slices) =>
      packInSlices(slices, { signal: never, onProgress: (doneBytes) => sizes.push(doneBytes) }),
    );
    assert.equal(entryCount, 3002);
  } finally {
    clearInterval(timer);
  }
  assert.ok(sizes.length >= 5, `${sizes.length} slices`);
  assert.ok(turns >= 3, `${turns} turns`);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  assert.ok((sizes.at(-1) ?? 0) >= 100 << 20);
});

test('an abort ends packing after the slice', { skip }, async () => {
  using store = new TestStore('directory');
  const aborting = new AbortController();
  let slicesDone = 0;
  const onProgress = (): void => {
    slicesDone += 1;
    aborting.abort();
  };
  const packed = packing(store, large, (slices) => packInSlices(slices, { signal: aborting.signal, onProgress }));
  await assert.rejects(packed, { code: 'cancelled' });
  assert.equal(slicesDone, 1);
});

test('what is over within a slice waits for nothing', { skip }, async () => {
  using store = new TestStore('directory');
  await packing(store, small, (slices) => {
    let isOver = false;
    const packed = packInSlices(slices, { signal: never }).then((report) => {
      isOver = true;
      return report;
    });
    queueMicrotask(() => queueMicrotask(() => assert.equal(isOver, true)));
    return packed;
  });
  assert.equal((await packing(store, small, packAtOnce)).entryCount, 1);
});

function small(path: string): void {
  writeFileSync(join(path, 'f'), 'content');
}

function large(path: string): void {
  mkdirSync(join(path, 'd'));
  for (let index = 0; index < 3000; index += 1) writeFileSync(join(path, `d/${index}`), '');
  writeFileSync(join(path, 'big'), '');
  truncateSync(join(path, 'big'), 100 << 20);
}

async function packing<T>(
  store: TestStore,
  change: (path: string) => void,
  pack: (slices: PackSlices) => T | Promise<T>,
): Promise<T> {
  using area = store.areas.temporary('step');
  const { workDir, target } = area;
  {
    using view = store.snapshotter.writable([], { workDir, target });
    change(view.path);
  }
  using packer = store.layers.packer({ holder, below: [] });
  return await pack(store.snapshotter.pack([], workDir, packer));
}

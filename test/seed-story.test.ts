/** The story that varve began with: what is reused, and what is not, when a line is added, swapped or removed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsRoot, TestStore } from './test-store.ts';

const skip = needsRoot;

test('a layer that is known is reused, a line that is added runs alone', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const first = store.context('first', { Dockerfile: 'FROM busybox:local\nRUN mkdir test\n' });
  const second = store.context('first', { Dockerfile: 'FROM busybox:local\nRUN mkdir test\nRUN mkdir abc\n' });

  store.context('first', { Dockerfile: 'FROM busybox:local\nRUN mkdir test\n' });
  assert.deepEqual(cachedSteps(await store.build(first)), []);
  store.context('first', { Dockerfile: 'FROM busybox:local\nRUN mkdir test\nRUN mkdir abc\n' });
  assert.deepEqual(cachedSteps(await store.build(second)), ['RUN mkdir test']);
  assert.deepEqual(cachedSteps(await store.build(second)), ['RUN mkdir test', 'RUN mkdir abc']);
});

test('order is part of identity: swapped lines are both run again', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN mkdir test\nRUN mkdir abc\n' });
  await store.build(context);
  store.context('c', { Dockerfile: 'FROM busybox:local\nRUN mkdir abc\nRUN mkdir test\n' });
  const swapped = await store.build(context);
  assert.deepEqual(cachedSteps(swapped), []);
  assert.match(swapped.stderr, /not reused: what it builds on changed/);
});

test('a deletion below does not reach what is made anew above', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN mkdir test && touch test/old\n' });
  await store.ok(['build', '-q', '-t', 'one', context]);
  const text = 'FROM one\nRUN rm -rf test\nRUN mkdir test\n';
  await store.ok(['build', '-q', '-t', 'two', store.context('d', { Dockerfile: text })]);
  assert.equal((await store.ok(['run', '--rm', 'two', 'ls', '/test'])).stdout, '');
  const rows = (await store.ok(['layers', 'two', '--tree', '4'])).stdout + (await store.ok(['layers', 'two'])).stdout;
  assert.match(rows, /rm -rf test/);
});

/** The instructions whose steps were reused, in order: `CACHED` stands exactly once for each. */
function cachedSteps(build: { readonly stderr: string; readonly code: number | null }): string[] {
  assert.equal(build.code, 0, build.stderr);
  const labels = new Map(
    [...build.stderr.matchAll(/^#(\d+) \[[^\]]*\] (.*)$/gm)].map(([, step, text]) => [step, text]),
  );
  return [...build.stderr.matchAll(/^#(\d+) CACHED$/gm)].map(([, step]) => labels.get(step) ?? '');
}

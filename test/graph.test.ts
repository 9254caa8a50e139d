/** Stages as one graph: what is built, what runs side by side, what is run again on request. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { needsRoot, TestStore } from './test-store.ts';

const skip = needsRoot;
let store: TestStore;

before(async () => {
  store = new TestStore();
  if (!skip) await store.busybox();
});
after(() => store[Symbol.asyncDispose]());

/** Instructions that ran and that were reused, in the order of their numbers. */
function told(stderr: string): { readonly ran: readonly string[]; readonly cached: readonly string[] } {
  const labels = [...stderr.matchAll(/^#(\d+) (\[.*)$/gm)].map(([, step = '', label = '']) => [step, label] as const);
  const byStep = new Map(labels);
  const matching = (verdict: RegExp): readonly string[] =>
    [...stderr.matchAll(verdict)]
      .map(([, step = '']) => byStep.get(step) ?? '')
      .filter((label) => label !== '' && !/\] FROM/.test(label));
  return { ran: matching(/^#(\d+) DONE/gm), cached: matching(/^#(\d+) CACHED$/gm) };
}

/** Each of two stages ends only when it has seen the other: they meet in a folder of the build's own cache. */
const meeting = ['one', 'two']
  .map(
    (name, index) => `FROM busybox:local AS ${name}
RUN --mount=type=cache,target=/meet,sharing=shared touch /meet/${name}; \\
  for i in $(seq 100); do [ -e /meet/${['two', 'one'][index]} ] && exit 0; sleep 0.1; done; exit 1
RUN echo ${name} > /${name}
`,
  )
  .join('');

test('independent stages run at the same time', { skip }, async () => {
  const Dockerfile = `${meeting}FROM scratch\nCOPY --from=one /one /\nCOPY --from=two /two /\n`;
  const { code, stderr } = await store.build(store.context('meet', { Dockerfile }), '--jobs', '2');
  assert.equal(code, 0, stderr);
});

test('one job: one step at a time', { skip }, async () => {
  const Dockerfile = `${meeting.replaceAll('seq 100', 'seq 3').replaceAll('/meet,', '/alone,id=alone,')}
FROM scratch\nCOPY --from=one /one /\nCOPY --from=two /two /\n`.replaceAll('/meet/', '/alone/');
  const { code, stderr } = await store.build(store.context('alone', { Dockerfile }), '--jobs', '1');
  assert.equal(code, 1, stderr);
});

test('only what the target needs is built', { skip }, async () => {
  const Dockerfile = `FROM busybox:local AS base\nRUN echo base > /base
FROM base AS not-needed\nRUN false
FROM base AS wanted\nRUN echo wanted > /wanted
FROM base AS last\nRUN false\n`;
  const context = store.context('needed', { Dockerfile });
  const { code, stderr } = await store.build(context, '--target', 'wanted');
  assert.equal(code, 0, stderr);
  assert.deepEqual(told(stderr).ran, ['[base 2/2] RUN echo base > /base', '[wanted 2/2] RUN echo wanted > /wanted']);
});

test('the same work under two names runs once', { skip }, async () => {
  const stages = ['a', 'b'].map((name) => `FROM busybox:local AS ${name}\nRUN echo twin > /twin\n`).join('');
  const Dockerfile = `${stages}FROM scratch\nCOPY --from=a /twin /a\nCOPY --from=b /twin /b\n`;
  const { code, stderr } = await store.build(store.context('twins', { Dockerfile }), '--jobs', '4');
  assert.equal(code, 0, stderr);
  const { ran, cached } = told(stderr);
  assert.equal([...ran, ...cached].filter((label) => label.includes('echo twin')).length, 2);
  assert.equal(cached.filter((label) => label.includes('echo twin')).length, 1);
});

const chain = `FROM busybox:local AS first
RUN echo one > /one
RUN echo two > /two
FROM first AS second
RUN cat /one /two > /three
RUN date +%N > /four
`;

test('--no-cache-filter runs the steps of the stage again; equal results let what follows hit', { skip }, async () => {
  const context = store.context('filter', { Dockerfile: chain });
  await store.ok(['build', '-q', context]);
  const again = await store.build(context, '--no-cache-filter', 'first');
  assert.deepEqual(told(again.stderr), {
    ran: ['[first 2/3] RUN echo one > /one', '[first 3/3] RUN echo two > /two'],
    cached: ['[second 2/3] RUN cat /one /two > /three', '[second 3/3] RUN date +%N > /four'],
  });
  assert.match(again.stderr, /same result as before/);
  const wrong = await store.build(context, '--no-cache-filter', 'third');
  assert.deepEqual([wrong.code, /there is no stage "third"/.test(wrong.stderr)], [1, true]);
});

test('--no-cache-step runs one step again, of the target or of a stage that is named', { skip }, async () => {
  const context = store.context('step', { Dockerfile: chain });
  await store.ok(['build', '-q', context]);
  const ofTarget = told((await store.build(context, '--no-cache-step', '3')).stderr);
  assert.deepEqual(ofTarget.ran, ['[second 3/3] RUN date +%N > /four']);
  const named = told((await store.build(context, '--no-cache-step', 'first:2')).stderr);
  assert.deepEqual(named.ran, ['[first 2/3] RUN echo one > /one']);
  for (const value of ['4', 'x', '0', 'third:1']) {
    const wrong = await store.build(context, '--no-cache-step', value);
    assert.deepEqual([wrong.code, /no-cache-step/.test(wrong.stderr)], [1, true], wrong.stderr);
  }
});

test('several targets: each has its image, its names and its line', { skip }, async () => {
  const Dockerfile = `FROM busybox:local AS base\nRUN echo base > /base
FROM base AS app\nRUN echo app > /app\nFROM base AS tool\nRUN echo tool > /tool\n`;
  const context = store.context('targets', { Dockerfile });
  const iidfile = join(store.folder, 'iids');
  const names = '-t app=built:app -t built:tool'.split(' ');
  const args = ['--target', 'app', '--target', 'tool', ...names, '--iidfile', iidfile];
  const built = await store.ok(['build', '-q', ...args, context]);
  const ids = built.stdout.trim().split('\n');
  assert.equal(ids.length, 2);
  assert.equal(readFileSync(iidfile, 'utf8').trim(), built.stdout.trim());
  assert.equal((await store.ok(['run', '--rm', 'built:app', 'cat', '/base', '/app'])).stdout, 'base\napp\n');
  assert.equal((await store.ok(['run', '--rm', 'built:tool', 'cat', '/base', '/tool'])).stdout, 'base\ntool\n');
  const wrong = await store.build(context, '--target', 'app', '--target', 'nope');
  assert.match(wrong.stderr, /target stage "nope" could not be found/);
});

test('a loop between stages is refused with its line', { skip }, async () => {
  const others = 'FROM busybox:local AS b\nRUN echo b > /b\n';
  for (const [from, message] of [
    ['a', /circular dependency detected on stage: a\n/],
    ['0', /circular dependency detected on stage: a\n/],
    ['b', /cannot copy from stage "b", it needs to be defined before current stage "a"\n/],
    ['1', /cannot copy from stage "1", it needs to be defined before current stage "a"\n/],
    ['7', /invalid stage index 7\n/],
  ] as const) {
    const Dockerfile = `FROM busybox:local AS a\nCOPY --from=${from} /x /\n${others}`;
    const { code, stderr } = await store.build(store.context('loop', { Dockerfile }), '--target', 'a');
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.match(stderr, /Dockerfile:2/);
  }
});

test('the first failure stops the others; what had finished is kept', { skip }, async () => {
  const Dockerfile = `FROM busybox:local AS slow\nRUN sleep 60
FROM busybox:local AS done\nRUN echo done > /done
FROM done AS fails\nRUN echo oh no && exit 7
FROM scratch\nCOPY --from=slow / /slow\nCOPY --from=fails / /fails\n`;
  const context = store.context('failure', { Dockerfile });
  const { code, stderr } = await store.build(context, '--jobs', '3');
  assert.equal(code, 1);
  assert.match(stderr, /exit code: 7/);
  assert.match(stderr, /^#\d+ CANCELED$/m);
  const kept = told((await store.build(context, '--target', 'done')).stderr);
  assert.deepEqual(kept.cached, ['[2/2] RUN echo done > /done']);
});

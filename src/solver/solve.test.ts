import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { recordOf } from './record-writer.ts';
import { solve } from './solve.ts';
import type { CacheEntry, Outcome, Solved, SolveEvent, StepCache, StepContext, Vertex } from './vertex.ts';

/** A cache in memory that keeps everything. Results are the names of what was made. */
class MemoryCache implements StepCache<string> {
  readonly entries = new Map<string, CacheEntry<string>>();
  readonly missing = new Set<string>();

  async find(contentKey: string): Promise<CacheEntry<string> | undefined> {
    return [...this.entries.values()].find((each) => each.contentKey === contentKey && !this.missing.has(each.result));
  }

  async adopt(lineage: string, fresh: string): Promise<string> {
    return [...this.entries.values()].find((each) => each.lineage === lineage)?.result ?? fresh;
  }

  async put(entry: CacheEntry<string>): Promise<void> {
    this.entries.set(entry.definitionKey, entry);
  }

  async earlier(
    vertex: Vertex<string>,
  ): Promise<readonly { recordDigest: string; contentKey: string; packed: () => Uint8Array }[]> {
    const own = [...this.entries.values()].filter((each) => each.vertex.slot === vertex.slot).toReversed();
    return own.map((each) => ({
      recordDigest: each.record.digest,
      contentKey: each.contentKey,
      packed: () => each.record.packed,
    }));
  }
}

interface StepOptions extends Partial<Vertex<string>> {
  /** Equal for results that are the same to all that follows; the label where it is not given. */
  readonly content?: string;
}

/** A step whose record is its label. What it makes is called by its label and how often something was made. */
function step(label: string, inputs: readonly Vertex<string>[] = [], options: StepOptions = {}): Vertex<string> {
  const { content = label, ...rest } = options;
  return {
    label,
    slot: label,
    inputs,
    record: recordOf({ op: bytesOf(label) }),
    run: async (): Promise<Outcome<string>> => ({ result: `${label}#${(made += 1)}`, contentId: content }),
    cache: 'use',
    ...rest,
  };
}

let made = 0;

const linkAfter = (compiler: string): Vertex<string> => step('link', [step(compiler, [], { content: 'object' })]);

const installAfterUpdate = (content: string): Vertex<string> =>
  step('install', [step('update', [], { content, cache: 'off' })]);

const topOnBase = (base: string): Vertex<string> => step('top', [step('middle', [step(base)], { content: 'same' })]);

const copyFromStage = (stage: string): Vertex<string> => {
  const source = step(stage);
  const record = async ({ sources }: StepContext<string>): Promise<ReturnType<typeof recordOf>> => {
    assert.match(sources[0] ?? '', new RegExp(`^${stage}#`));
    return recordOf({ files: { 'bin/app': bytesOf(stage.slice(0, 1)) } });
  };
  return step('copy', [step('from')], { sources: [source], record });
};

const twoLetters = (results: readonly string[] = []): readonly string[] => results.map((each) => each.slice(0, 2));

const topOnLookup = (): Vertex<string> => step('top', [step('lookup', [], { cache: 'off' })]);

const afterVariable = (version: string): Vertex<string> =>
  step('after', [
    step('set', [], { slot: 'set', content: version, record: recordOf({ env: { V: bytesOf(version) } }) }),
  ]);

interface Run {
  readonly solved: readonly Solved<string>[];
  readonly log: readonly string[];
}

interface RunOptions {
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly log?: string[];
}

async function run(cache: MemoryCache, targets: readonly Vertex<string>[], options: RunOptions = {}): Promise<Run> {
  const { jobs = 4, signal = new AbortController().signal, log = [] } = options;
  const onEvent = (event: SolveEvent<string>): void => void log.push(showEvent(event));
  return { solved: await solve(targets, { cache, jobs, signal, onEvent }), log };
}

function showEvent(event: SolveEvent<string>): string {
  return event.kind === 'started'
    ? `started ${event.vertex.label}: ${event.reason.kind}`
    : `${event.kind} ${event.vertex.label}`;
}

/** The labels of the steps that ran, in the order in which they finished. */
function ran(log: readonly string[]): readonly string[] {
  return log.filter((each) => each.startsWith('finished ')).map((each) => each.slice('finished '.length));
}

function chain(...labels: readonly string[]): Vertex<string> {
  const vertices: Vertex<string>[] = [];
  for (const label of labels) vertices.push(step(label, vertices.slice(-1)));
  return vertices.at(-1) ?? step('none');
}

interface ChainCase {
  readonly title: string;
  readonly first: readonly string[];
  readonly second: readonly string[];
  /** What runs the second time. */
  readonly runs: readonly string[];
}

const chainCases: readonly ChainCase[] = [
  { title: 'building twice runs nothing', first: ['from', 'a', 'b'], second: ['from', 'a', 'b'], runs: [] },
  { title: 'one more step runs only that', first: ['from', 'a'], second: ['from', 'a', 'b'], runs: ['b'] },
  { title: 'swapping two steps runs both', first: ['from', 'a', 'b'], second: ['from', 'b', 'a'], runs: ['b', 'a'] },
  {
    title: 'changing one step runs it and what follows',
    first: ['from', 'a', 'b', 'c'],
    second: ['from', 'a', 'x', 'c'],
    runs: ['x', 'c'],
  },
  {
    title: 'the same step on another base is never reused',
    first: ['from', 'a'],
    second: ['else', 'a'],
    runs: ['else', 'a'],
  },
  { title: 'a step taken out runs what follows', first: ['from', 'a', 'b'], second: ['from', 'b'], runs: ['b'] },
];

for (const { title, first, second, runs } of chainCases) {
  test(title, async () => {
    const cache = new MemoryCache();
    const before = await run(cache, [chain(...first)]);
    assert.deepEqual(ran(before.log), first);
    const after = await run(cache, [chain(...second)]);
    assert.deepEqual(ran(after.log), runs);
    assert.equal(after.log.length, second.length + runs.length, 'each step is cached, or started and finished');
  });
}

test('a step that runs again with the same content gives way to the earlier result, and what follows is reused', async () => {
  const cache = new MemoryCache();
  const first = await run(cache, [linkAfter('cc')]);
  const compiled = [...cache.entries.values()][0]?.result;
  const second = await run(cache, [linkAfter('cc -v')]);
  assert.deepEqual(ran(second.log), ['cc -v']);
  assert.equal(second.solved[0]?.result, first.solved[0]?.result);
  assert.deepEqual(
    [...cache.entries.values()].filter((each) => each.contentId === 'object').map((each) => each.result),
    [compiled, compiled],
  );
});

test('a result reused by its content is stored under the new definition as well', async () => {
  const cache = new MemoryCache();
  await run(cache, [linkAfter('cc')]);
  const { solved } = await run(cache, [linkAfter('cc -v')]);
  const entry = cache.entries.get(solved[0]?.definitionKey ?? '');
  assert.equal(entry?.result, solved[0]?.result);
  assert.equal(cache.entries.size, 4);
});

test('the same definition on a base that came out different is not reused', async () => {
  const cache = new MemoryCache();
  await run(cache, [installAfterUpdate('monday')]);
  assert.deepEqual(ran((await run(cache, [installAfterUpdate('tuesday')])).log), ['update', 'install']);
  assert.deepEqual(ran((await run(cache, [installAfterUpdate('tuesday')])).log), ['update']);
});

test('content that is the same on different bases is not taken for the same', async () => {
  const cache = new MemoryCache();
  await run(cache, [topOnBase('one')]);
  const { log, solved } = await run(cache, [topOnBase('two')]);
  assert.deepEqual(ran(log), ['two', 'middle', 'top']);
  assert.ok(solved[0]?.cached === false);
});

test('a source counts only by what the record says of it', async () => {
  const cache = new MemoryCache();
  await run(cache, [copyFromStage('a: old')]);
  assert.deepEqual(ran((await run(cache, [copyFromStage('a: new')])).log), ['a: new']);
  assert.deepEqual(ran((await run(cache, [copyFromStage('b: new')])).log), ['b: new', 'copy']);
});

test('the results of inputs and sources reach the step in order', async () => {
  const seen: StepContext<string>[] = [];
  const top = step('top', [step('i1'), step('i2')], {
    sources: [step('s1')],
    run: async (context) => (seen.push(context), { result: 'top', contentId: 'top' }),
  });
  await run(new MemoryCache(), [top], { jobs: 1 });
  assert.deepEqual([twoLetters(seen[0]?.inputs), twoLetters(seen[0]?.sources)], [['i1', 'i2'], ['s1']]);
});

test('a step that is reached on several ways, or asked for twice, runs once', async () => {
  const base = step('base');
  const top = step('top', [step('left', [base]), step('right', [base]), base]);
  const { log, solved } = await run(new MemoryCache(), [top, base, top]);
  assert.deepEqual([...ran(log)].toSorted(), ['base', 'left', 'right', 'top']);
  assert.deepEqual(
    solved.map((each) => each.contentId),
    ['top', 'base', 'top'],
  );
});

for (const cache of ['use', 'renew'] as const) {
  test(`the same work under two names runs once (cache: ${cache})`, async () => {
    const base = step('base');
    const release = Promise.withResolvers<void>();
    let runs = 0;
    const run = async (): Promise<Outcome<string>> => {
      runs += 1;
      await release.promise;
      return { result: 'made', contentId: 'same' };
    };
    const record = recordOf({ op: bytesOf('same') });
    const twins = ['one', 'two'].map((label) => step(label, [base], { record, run, cache }));
    const other = step('other', [], {
      run: async () => {
        release.resolve();
        return { result: 'other', contentId: 'other' };
      },
    });
    const events: string[] = [];
    const solved = await solve([...twins, step('after', [twins[1] as Vertex<string>]), other], {
      cache: new MemoryCache(),
      jobs: 2,
      signal: AbortSignal.timeout(10_000),
      onEvent: (event) => void events.push(`${event.vertex.label} ${event.kind}`),
    });
    assert.equal(runs, 1);
    assert.deepEqual(
      solved.map(({ result }) => result.replace(/#.*/, '')),
      ['made', 'made', 'after', 'other'],
    );
    assert.ok(events.includes('one finished') && events.includes('two cached'), events.join());
  });
}

async function failing(): Promise<Outcome<string>> {
  throw new Fault('invalid', 'no');
}

test('a failure of shared work fails once', async () => {
  const record = recordOf({ op: bytesOf('same') });
  const events: string[] = [];
  const solving = solve(
    ['one', 'two'].map((label) => step(label, [], { record, run: failing })),
    {
      cache: new MemoryCache(),
      jobs: 2,
      signal: new AbortController().signal,
      onEvent: (event) => void events.push(`${event.vertex.label} ${event.kind}`),
    },
  );
  await assert.rejects(solving, /no/);
  assert.equal(events.filter((event) => event.endsWith('failed')).length, 1);
});

test('independent steps run at the same time, up to the number of jobs', async () => {
  for (const [jobs, expected] of [
    [1, 1],
    [2, 2],
    [8, 5],
  ] as const) {
    let running = 0;
    let most = 0;
    const work = async (): Promise<Outcome<string>> => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      running -= 1;
      return { result: 'r', contentId: 'c' };
    };
    const leaves = ['a', 'b', 'c', 'd', 'e'].map((label) => step(label, [], { run: work }));
    await run(new MemoryCache(), [step('top', leaves)], { jobs });
    assert.equal(most, expected, `${jobs} jobs`);
  }
});

test('with one job, steps run in the order in which they are needed', async () => {
  const top = step('top', [chain('a1', 'a2'), chain('b1', 'b2')]);
  const { log } = await run(new MemoryCache(), [top], { jobs: 1 });
  assert.deepEqual(
    ran(log).filter((each) => each.startsWith('a')),
    ['a1', 'a2'],
  );
  assert.equal(ran(log).at(-1), 'top');
});

test('a step that failed is not cached; the steps before it are', async () => {
  const cache = new MemoryCache();
  const failing = (label: string, inputs: readonly Vertex<string>[]): Vertex<string> =>
    step(label, inputs, { run: () => Promise.reject(new Fault('invalid', 'exit code 3')) });
  const log: string[] = [];
  const build = step('after', [failing('bad', [step('a', [step('from')])])]);
  await assert.rejects(run(cache, [build], { log }), /^Fault: exit code 3$/);
  assert.deepEqual(log.slice(-2), ['started bad: never-built', 'failed bad']);
  const second = await run(cache, [step('after', [step('bad', [step('a', [step('from')])])])]);
  assert.deepEqual(second.log, [
    'cached from',
    'cached a',
    'started bad: never-built',
    'finished bad',
    'started after: never-built',
    'finished after',
  ]);
});

test('the first failure stops the others, and nothing is running when it is thrown', async () => {
  let stopped = false;
  const slow = step('slow', [], {
    run: async ({ signal }) => {
      await aborted(signal);
      stopped = true;
      throw signal.reason;
    },
  });
  const bad = step('bad', [], { run: () => Promise.reject(new Fault('invalid', 'exit code 3')) });
  const log: string[] = [];
  await assert.rejects(run(new MemoryCache(), [step('top', [slow, bad])], { log }), /exit code 3/);
  assert.ok(stopped);
  assert.deepEqual(log.toSorted(), [
    'cancelled slow',
    'failed bad',
    'started bad: never-built',
    'started slow: never-built',
  ]);
});

test('an abort stops what runs and starts nothing more; what had finished is kept', async () => {
  const cache = new MemoryCache();
  const stop = new AbortController();
  const slow = step('slow', [step('from')], {
    run: async ({ signal }) => {
      stop.abort();
      await aborted(signal);
      throw new Error('killed');
    },
  });
  const log: string[] = [];
  const build = run(cache, [step('top', [slow])], { log, signal: stop.signal });
  await assert.rejects(build, (error) => Fault.is(error, 'cancelled'));
  assert.deepEqual(log, ['started from: never-built', 'finished from', 'started slow: never-built', 'cancelled slow']);
  assert.deepEqual((await run(cache, [step('from')])).log, ['cached from']);
});

test('nothing starts after an abort', async () => {
  const log: string[] = [];
  const build = run(new MemoryCache(), [chain('a', 'b')], { log, signal: AbortSignal.abort() });
  await assert.rejects(build, (error) => Fault.is(error, 'cancelled'));
  assert.deepEqual(log, []);
});

test('a record that cannot be found out fails the step without starting it', async () => {
  const log: string[] = [];
  const copy = step('copy', [], { record: () => Promise.reject(new Fault('not-found', 'copy: no such file')) });
  await assert.rejects(run(new MemoryCache(), [copy], { log }), /no such file/);
  assert.deepEqual(log, ['failed copy']);
});

test('a step with the cache renewed runs, and is found the next time', async () => {
  const cache = new MemoryCache();
  const first = await run(cache, [step('a')]);
  const renewed = await run(cache, [step('a', [], { cache: 'renew' })]);
  assert.deepEqual(renewed.log, ['started a: cache-off', 'finished a']);
  const third = await run(cache, [step('a')]);
  assert.deepEqual(third.log, ['cached a']);
  assert.notEqual(first.solved[0]?.result, renewed.solved[0]?.result);
  assert.equal(third.solved[0]?.result, renewed.solved[0]?.result);
});

test('a step with the cache off runs each time and leaves no entry', async () => {
  const cache = new MemoryCache();
  await run(cache, [topOnLookup()]);
  const { log } = await run(cache, [topOnLookup()]);
  assert.deepEqual(log, ['started lookup: cache-off', 'finished lookup', 'cached top']);
  assert.equal(cache.entries.size, 1);
});

test('each step that runs is told why', async () => {
  const cache = new MemoryCache();
  await run(cache, [afterVariable('1')]);
  const events: SolveEvent<string>[] = [];
  const onEvent = (event: SolveEvent<string>): void => void events.push(event);
  await solve([afterVariable('2')], { cache, jobs: 1, signal: new AbortController().signal, onEvent });
  const reasons = events.filter((each) => each.kind === 'started').map((each) => each.reason);
  const change = { field: 'env', item: 'V', kind: 'changed', before: '1', after: '2' };
  assert.deepEqual(reasons, [
    { kind: 'changed', changes: [change], counts: [{ field: 'env', changed: 1, total: 1 }] },
    { kind: 'base-changed' },
  ]);
});

test('a result that is no longer in the store is made again, and said so', async () => {
  const cache = new MemoryCache();
  const { solved } = await run(cache, [step('a')]);
  cache.missing.add(solved[0]?.result ?? '');
  assert.deepEqual((await run(cache, [step('a')])).log, ['started a: result-missing', 'finished a']);
});

test('a step that depends on itself is refused', async () => {
  const inputs: Vertex<string>[] = [];
  const a = step('a', inputs);
  inputs.push(step('b', [a]));
  await assert.rejects(run(new MemoryCache(), [a]), (error) => Fault.is(error, 'invalid'));
});

test('a chain of ten thousand steps is solved', async () => {
  const labels = Array.from({ length: 10_000 }, (_, index) => `s${index}`);
  const { solved } = await solveQuietly(chain(...labels));
  assert.equal(solved[0]?.contentId, 's9999');
});

test('a step that somebody else is at says that it waits, then what became of it', async () => {
  const waitingFor = step('made elsewhere');
  const cache = new MemoryCache();
  await solve([waitingFor], { cache, jobs: 1, signal: new AbortController().signal });
  const find = cache.find.bind(cache);
  const slow = Object.assign(cache, {
    find: async (contentKey: string, { onWait }: { readonly onWait: () => void }) => {
      onWait();
      return find(contentKey);
    },
  });
  const events: string[] = [];
  const onEvent = ({ kind }: SolveEvent<string>): void => void events.push(kind);
  await solve([waitingFor], { cache: slow, jobs: 1, signal: new AbortController().signal, onEvent });
  assert.deepEqual(events, ['waiting', 'cached']);
});

/** With a cache that knows nothing, as looking through ten thousand entries each time would take long. */
async function solveQuietly(target: Vertex<string>): Promise<Pick<Run, 'solved'>> {
  const cache: StepCache<string> = {
    find: async () => undefined,
    adopt: async (_, fresh) => fresh,
    put: async () => undefined,
    earlier: async () => [],
  };
  return { solved: await solve([target], { cache, jobs: 2, signal: new AbortController().signal }) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

test('a record that is known from elsewhere, by what is read of the sources, leads to a result without a look at them', async () => {
  const heard = recordOf({ op: bytesOf('copy'), file: bytesOf('hash') });
  class Shared extends MemoryCache {
    async recordRead(): Promise<typeof heard> {
      return heard;
    }
  }
  const described: string[] = [];
  const copy = (record: typeof heard): Vertex<string> =>
    step('copy', [], {
      sources: [step('stage')],
      reading: recordOf({ op: bytesOf('copy') }),
      record: async () => {
        described.push('looked');
        return record;
      },
    });
  const cache = new Shared();
  const options = { cache, jobs: 1, signal: new AbortController().signal };
  const [first] = await solve([copy(heard)], options);
  assert.deepEqual([first?.cached, described.length], [false, 1]);
  const [again] = await solve([copy(heard)], options);
  assert.deepEqual([again?.cached, again?.result, described.length], [true, first?.result, 1]);
  cache.entries.clear();
  const own = recordOf({ op: bytesOf('copy'), file: bytesOf('other hash') });
  const [other] = await solve([copy(own)], options);
  assert.deepEqual([other?.cached, other?.recordDigest, described.length], [false, own.digest, 2]);
});

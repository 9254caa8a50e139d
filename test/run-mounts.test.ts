/** What `RUN --mount` means from build to build: keys, caches, and what a killed build leaves. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { mountsBelow, needsRoot, TestStore } from './test-store.ts';

describe('mounts of RUN', { skip: needsRoot }, () => {
  const store = new TestStore();
  before(async () => store.busybox());
  after(async () => store[Symbol.asyncDispose]());

  async function built(context: string, ...args: readonly string[]): Promise<string> {
    return (await store.ok(['build', '--progress=plain', '-t', 'mounts', ...args, context])).stderr;
  }

  test('a file that is not mounted reruns nothing, one that is does, and its time does not count', async () => {
    const dockerfile = `FROM busybox:local AS one
COPY one /one
FROM busybox:local
RUN --mount=source=sub,target=/sub cat /sub/f
RUN --mount=from=one,source=/one/a,target=/a cat /a
`;
    const files = { 'sub/f': 'f', other: 'o', 'one/a': 'a', 'one/b': 'b' };
    const context = store.context('keys', { Dockerfile: dockerfile, ...files });
    assert.equal(cachedSteps(await built(context)), 0);
    writeFileSync(join(context, 'other'), 'changed');
    writeFileSync(join(context, 'one/b'), 'changed');
    writeFileSync(join(context, 'sub/f'), 'f');
    assert.equal(cachedSteps(await built(context)), 2);
    writeFileSync(join(context, 'sub/f'), 'changed');
    const mountChanged = await built(context);
    assert.match(mountChanged, /RUN --mount=source=sub.*\n#\d+ not reused: mounts 001 changed/);
    writeFileSync(join(context, 'one/a'), 'changed');
    assert.match(await built(context), /\n#\d+ \S+ changed/);
  });

  test('a cache keeps what a step left from build to build, and is in no layer and no key', async () => {
    const line = 'RUN --mount=type=cache,target=/c echo x >> /c/n; wc -l < /c/n';
    const context = store.context('cache', { Dockerfile: `FROM busybox:local\n${line}\n` });
    assert.match(await built(context), /\n#\d+ \S+ 1\n/);
    assert.equal(cachedSteps(await built(context)), 1);
    assert.match(await built(context, '--no-cache'), /\n#\d+ \S+ 2\n/);
    const { stdout } = await store.ok(['run', '--rm', 'mounts', 'ls', '/']);
    assert.doesNotMatch(stdout, /^c$/m);
  });

  test('a locked cache is had by one step at a time, a private one by each alone, a shared one by all', async () => {
    const stages = ['locked', 'private', 'shared'].flatMap((sharing) => [
      sharingStage(sharing, 'a'),
      sharingStage(sharing, 'b'),
    ]);
    const joined = ['locked', 'private', 'shared'].flatMap((sharing) =>
      ['a', 'b'].map((name) => `COPY --from=${sharing}${name} /etc/passwd /${sharing}${name}\n`),
    );
    const dockerfile = [...stages, 'FROM busybox:local\n', ...joined].join('');
    const context = store.context('sharing', { Dockerfile: dockerfile });
    const output = await built(context, '--jobs', '6');
    const seen = (stage: string): string => {
      const number = new RegExp(`^#(\\d+) \\[${stage} 2/2\\]`, 'm').exec(output)?.[1] ?? '';
      return [...output.matchAll(new RegExp(`^#${number} \\d+\\.\\d+ (.*)$`, 'gm'))].map((match) => match[1]).join(' ');
    };
    for (const sharing of ['locked', 'private']) {
      assert.deepEqual([seen(`${sharing}a`), seen(`${sharing}b`)], ['a', 'b'], sharing);
    }
    assert.match(`${seen('shareda')} ${seen('sharedb')}`, /a b/);
  });

  test('two steps that lock the same caches in another order both end', async () => {
    const dockerfile = `FROM busybox:local AS one
RUN ${lockedMount('x')} ${lockedMount('y')} ${lockedMount('x')} sleep 0.5
FROM busybox:local
COPY --from=one /etc/passwd /p
FROM busybox:local AS two
RUN ${lockedMount('y')} ${lockedMount('x')} sleep 0.5
COPY --from=one /etc/passwd /p
`;
    await built(store.context('order', { Dockerfile: dockerfile }), '--jobs', '4');
  });

  test('a build that is killed leaves mounts that the next command clears', async () => {
    const dockerfile = `FROM busybox:local AS one
RUN mkdir /d && echo 1 > /d/f
FROM busybox:local
RUN --mount=from=one,source=/d,target=/d --mount=from=one,target=/w,rw --mount=type=cache,target=/c \\
    --mount=type=secret,id=s,env=S sleep 30
`;
    const context = store.context('killed', { Dockerfile: dockerfile });
    const ended = await store.run(['build', '--secret', 'id=s,env=PATH', context], {
      onStart: (child) => void killOnceMounted(store, child),
    });
    assert.equal(ended.signal ?? ended.code, 'SIGKILL');
    assert.notDeepEqual(mountsBelow(store.folder), []);
    await store.ok(['build', '-q', store.context('next', { Dockerfile: 'FROM busybox:local\nRUN true\n' })]);
    await store.run(['check', '--repair']);
    assert.deepEqual(mountsBelow(store.folder), []);
  });

  test('an interrupted build leaves nothing mounted', async () => {
    const dockerfile = `FROM busybox:local
RUN --mount=target=/ctx --mount=type=cache,target=/c --mount=type=secret,id=s sleep 30
`;
    const context = store.context('interrupted', { Dockerfile: dockerfile });
    const ended = await store.run(['build', '--secret', 'id=s,env=PATH', context], {
      onStart: (child) => void killOnceMounted(store, child, 'SIGINT'),
    });
    assert.notEqual(ended.code, 0);
    assert.deepEqual(mountsBelow(store.folder), []);
  });
});

/** Once the step's root is mounted: its mounts come before. */
async function killOnceMounted(
  store: TestStore,
  child: { kill(signal: NodeJS.Signals): void },
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  const isReady = (): boolean => {
    const mounts = mountsBelow(store.folder);
    return mounts.some((path) => path.endsWith('/private')) && mounts.some((path) => path.endsWith('/rootfs'));
  };
  while (!isReady()) await delay(20);
  await delay(300);
  child.kill(signal);
}

function sharingStage(sharing: string, name: string): string {
  return `FROM busybox:local AS ${sharing}${name}
RUN --mount=type=cache,target=/c,id=${sharing},sharing=${sharing} ls /c; touch /c/${name}; sleep 1; ls /c; rm /c/${name}
`;
}

function lockedMount(id: string): string {
  return `--mount=type=cache,target=/${id},id=${id},sharing=locked`;
}

function cachedSteps(output: string): number {
  return output.match(/^#\d+ CACHED$/gm)?.length ?? 0;
}

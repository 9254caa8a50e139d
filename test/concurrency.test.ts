/** Several programs on one store at once: each thing is done by one, and nobody takes what another one uses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeManifest } from '../src/oci/index.ts';
import { sampleImage } from '../src/registry/sample-image.fixture.ts';
import { scriptedServer, send } from '../src/http/scripted-server.fixture.ts';
import { LiveProgram } from './live-program.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

describe('at the same time', { skip: needsRoot }, () => {
  test('two builds of the same thing: one does the work, both succeed', async () => {
    await using store = new TestStore();
    await store.busybox();
    const text = 'FROM busybox:local\nCOPY f /\nRUN cat /proc/sys/kernel/random/uuid > /id && sleep 1\nRUN cat /id\n';
    const context = store.context('c', { Dockerfile: text, f: 'content' });
    const builds = await Promise.all([store.build(context, '-t', 'one'), store.build(context, '-t', 'two')]);
    for (const build of builds) assert.equal(build.code, 0, build.stderr);
    assert.equal(cachedIn(builds, 'RUN cat /proc'), 1);
    assert.equal(cachedIn(builds, 'RUN cat /id'), 1);
    const ids = await Promise.all(['one', 'two'].map((name) => store.ok(['inspect', '-f', '{{.Id}}', name])));
    assert.equal(ids[0]?.stdout, ids[1]?.stdout);
  });

  test('one takes over the work of another that is killed', async () => {
    await using store = new TestStore();
    await store.busybox();
    const text = 'FROM busybox:local\nRUN echo it begins && sleep 3 && echo done > /done\n';
    const context = store.context('c', { Dockerfile: text });
    await using first = await new LiveProgram(store, ['build', '--progress=plain', context]).says(/it begins$/m);
    await using second = new LiveProgram(store, ['build', '--progress=plain', context]);
    await second.says(/^#2 waiting for another build that runs this step$/m);
    await first.kill();
    const { code, stderr } = await second.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /it begins$/m);
    await store.ok(['check', '--repair']);
  });

  test('two different builds on the same base', async () => {
    await using store = new TestStore();
    await store.busybox();
    const built = ['one', 'two'].map((name) => {
      const steps = [1, 2, 3, 4].map((step) => `RUN echo ${name} ${step} >> /log\n`).join('');
      const context = store.context(name, { Dockerfile: `FROM busybox:local\n${steps}COPY f /\n`, f: name });
      return store.build(context, '-t', name);
    });
    for (const build of await Promise.all(built)) assert.equal(build.code, 0, build.stderr);
    for (const name of ['one', 'two']) {
      const { stdout } = await store.ok(['run', '--rm', name, 'cat', '/log', '/f']);
      assert.equal(stdout, `${[1, 2, 3, 4].map((step) => `${name} ${step}\n`).join('')}${name}`);
    }
  });

  test('a build loses nothing to prune and rmi', async () => {
    await using store = new TestStore();
    await store.busybox();
    const steps = [1, 2, 3, 4, 5, 6]
      .map((step) => `RUN echo ${step} > /${step} && sleep 0.3\nCOPY f /f${step}\n`)
      .join('');
    const context = store.context('c', { Dockerfile: `FROM busybox:local\n${steps}`, f: 'content' });
    await using build = await new LiveProgram(store, ['build', '--progress=plain', '-t', 'built', context]).says(
      /RUN echo 1/,
    );
    await store.ok(['rmi', 'busybox:local']);
    let prunes = 0;
    for (; !build.isOver; prunes++) await store.ok(['prune', '--all', '--force']);
    assert.equal((await build.ended).code, 0, build.stderr);
    assert.ok(prunes > 1);
    await store.ok(['check']);
    const afterwards = await store.run(['run', '--rm', '--pull=never', 'built', 'cat', '/1', '/6', '/f1', '/f6']);
    if (afterwards.code !== 0) assert.match(afterwards.stderr, /no such image|not found/i);
    else assert.equal(afterwards.stdout, '1\n6\ncontentcontent');
  });

  test('a container loses nothing to prune; its image cannot be removed', async () => {
    await using store = new TestStore();
    await store.busybox();
    const script = 'echo up; read line; cat /etc/passwd';
    await using running = new LiveProgram(store, ['run', '--rm', '-i', 'busybox:local', 'sh', '-c', script]);
    await running.says(/^up$/m);
    const removal = await store.run(['rmi', 'busybox:local']);
    assert.equal(removal.code, 1);
    assert.match(removal.stderr, /container/);
    await store.ok(['prune', '--all', '--force']);
    const { code, stdout } = await running.write('go on\n').endInput().ended;
    assert.equal(code, 0, running.stderr);
    assert.match(stdout, /root:x:0:0/);
  });

  test('eight containers', async () => {
    await using store = new TestStore();
    await store.busybox();
    const numbers = Array.from({ length: 8 }, (_, index) => String(index));
    const script = 'echo $0 > /number; sleep 0.2; cat /number; exit $0';
    const ends = await Promise.all(
      numbers.map((number) => store.run(['run', '--rm', 'busybox:local', 'sh', '-c', script, number])),
    );
    assert.deepEqual(
      ends.map(({ stdout, code }) => [stdout, code]),
      numbers.map((number) => [`${number}\n`, Number(number)]),
    );
    assert.equal((await store.ok(['ps', '-aq'])).stdout, '');
  });

  test('four containers that want the same name: one gets it', async () => {
    await using store = new TestStore();
    await store.busybox();
    const attempts = [1, 2, 3, 4].map(() => store.run(['create', '--name', 'only', 'busybox:local', 'true']));
    const ends = await Promise.all(attempts);
    assert.deepEqual(ends.map(({ code }) => code).toSorted(), [0, 1, 1, 1]);
    for (const { code, stderr } of ends) if (code !== 0) assert.match(stderr, /name "\/only" is already in use/);
  });

  test('one download of one digest at a time, across processes', async () => {
    await using store = new TestStore();
    const image = sampleImage(['some text']);
    const manifest = encodeManifest(image.manifest);
    await using server = await scriptedServer(async ({ line }, response) => {
      const path = line.split(' ')[1] ?? '';
      const blob = [...image.blobs].find(([digest]) => path.endsWith(digest))?.[1];
      if (path.includes('/manifests/')) send(response, 200, manifest, { 'content-type': image.manifest.mediaType });
      else if (blob === undefined) send(response, path === '/v2/' ? 200 : 404);
      else setTimeout(() => send(response, 200, blob), 300);
    });
    const pulls = [1, 2, 3].map(() => store.ok(['pull', '-q', `${server.host}/base`]));
    await Promise.all(pulls);
    const layer = image.manifest.kind === 'image' ? image.manifest.layers[0]?.digest : undefined;
    assert.equal(server.requests.filter(({ line }) => line.endsWith(`/blobs/${layer}`)).length, 1);
  });
});

/** In how many of the builds the step was reused. */
function cachedIn(builds: readonly Ended[], instruction: string): number {
  return builds.filter(({ stderr }) => {
    const step = stderr.match(/^#(\d+) \[[^\]]*\] (.*)$/gm)?.find((line) => line.includes(`] ${instruction}`));
    return stderr.includes(`\n${step?.split(' ')[0]} CACHED\n`);
  }).length;
}

/** What a build reuses, what it runs again, and what it says of the difference. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { needsRoot, TestStore, writeFiles, type Ended, type FileTree } from './test-store.ts';

const skip = needsRoot;

interface Builds {
  readonly store: TestStore;
  readonly context: string;
  /** Writes the files into the context, builds, and tells what happened. */
  build(files: FileTree, ...args: readonly string[]): Promise<Story>;
}

/** A build as its plain progress tells it. */
interface Story {
  readonly code: number | null;
  readonly stderr: string;
  /** Instructions that were reused, in order. */
  readonly cached: readonly string[];
  /** Instructions that ran, each with the reason, in order. */
  readonly ran: readonly (readonly [instruction: string, reason: string])[];
}

let store: TestStore;
let bases = 0;

before(async () => {
  store = new TestStore();
  if (!skip) await store.busybox();
});
after(() => store[Symbol.asyncDispose]());

/** With a base that no other test has, so that nothing on it is known yet. */
async function withBuilds(body: (builds: Builds) => Promise<void>): Promise<void> {
  bases += 1;
  const Dockerfile = `FROM busybox:local\nWORKDIR /base-${bases}\nWORKDIR /\n`;
  await store.ok(['build', '-q', '-t', 'base', store.context(`base-${bases}`, { Dockerfile })]);
  const context = store.context(`context-${bases}`, {});
  await body({
    store,
    context,
    build: async (files, ...args) => {
      writeFiles(context, files);
      return storyOf(await store.build(context, ...args));
    },
  });
}

function storyOf({ code, stderr }: Ended): Story {
  const headings = [...stderr.matchAll(/^#(\d+) \[[^\]]*\] (.*)$/gm)];
  const labels = new Map(headings.map(([, step = '', text = '']) => [step, text]));
  const cached = [...stderr.matchAll(/^#(\d+) CACHED$/gm)].map(([, step = '']) => labels.get(step) ?? '');
  assert.equal(stderr.match(/CACHED/g)?.length ?? 0, cached.length, 'CACHED stands once for each reused step');
  const reasons = [...stderr.matchAll(/^#(\d+) not reused: (.*)$/gm)];
  return {
    code,
    stderr,
    cached,
    ran: reasons.map(([, step = '', why = '']) => [labels.get(step) ?? '', why] as const),
  };
}

const never = 'it was never built before';
const below = 'what it builds on changed';

function dockerfile(...lines: readonly string[]): FileTree {
  return { Dockerfile: `FROM base\n${lines.join('\n')}\n` };
}

test('building twice runs nothing; CACHED stands for steps that can make a layer, never for others', { skip }, () =>
  withBuilds(async ({ build }) => {
    const steps = ['WORKDIR /w', 'COPY f .', 'ADD f g', 'RUN echo x > x'];
    const files = { ...dockerfile('ENV a=1', ...steps, 'LABEL l=1', 'USER root', 'CMD ["x"]'), f: 'content' };
    const first = await build(files);
    assert.deepEqual([first.code, first.cached], [0, []], first.stderr);
    assert.deepEqual(
      first.ran,
      steps.map((each) => [each, never]),
    );
    const second = await build(files);
    assert.deepEqual([second.cached, second.ran], [steps, []]);
  }),
);

test('two builds of the same give the same image', { skip }, () =>
  withBuilds(async ({ store, build }) => {
    const files = dockerfile('RUN echo x > /x', 'RUN rm /x');
    await build(files, '-t', 'one');
    await build(files, '-t', 'two');
    assert.equal(await layersOf(store, 'one'), await layersOf(store, 'two'));
  }),
);

interface Edit {
  readonly title: string;
  readonly before: FileTree;
  readonly after: FileTree;
  readonly beforeArgs?: readonly string[];
  readonly afterArgs?: readonly string[];
  readonly cached: readonly string[];
  readonly ran: Story['ran'];
}

const edits: readonly Edit[] = [
  {
    title: 'swapped RUN lines are both run again',
    before: dockerfile('RUN mkdir test', 'RUN mkdir abc'),
    after: dockerfile('RUN mkdir abc', 'RUN mkdir test'),
    cached: [],
    ran: [
      ['RUN mkdir abc', below],
      ['RUN mkdir test', below],
    ],
  },
  {
    title: 'a changed line is run again with all that follows, not with what comes before',
    before: dockerfile('RUN echo 1 > /1', 'RUN echo 2 > /2', 'RUN echo 3 > /3'),
    after: dockerfile('RUN echo 1 > /1', 'RUN echo two > /2', 'RUN echo 3 > /3'),
    cached: ['RUN echo 1 > /1'],
    ran: [
      ['RUN echo two > /2', "command changed from 'echo 2 > /2' to 'echo two > /2'"],
      ['RUN echo 3 > /3', below],
    ],
  },
  {
    title: 'a line taken out reruns what follows',
    before: dockerfile('RUN echo 1 > /1', 'RUN echo 2 > /2', 'RUN echo 3 > /3'),
    after: dockerfile('RUN echo 1 > /1', 'RUN echo 3 > /3'),
    cached: ['RUN echo 1 > /1'],
    ran: [['RUN echo 3 > /3', below]],
  },
  {
    title: 'one changed byte of a copied file reruns the COPY and what follows',
    before: { ...dockerfile('RUN echo 1 > /1', 'COPY src /src', 'RUN ls /src'), 'src/a': 'one', 'src/b': 'b' },
    after: { 'src/a': 'two' },
    cached: ['RUN echo 1 > /1'],
    ran: [
      ['COPY src /src', '1 of 2 files changed: src/a (content)'],
      ['RUN ls /src', below],
    ],
  },
  {
    title: 'one mode bit of a copied file reruns the COPY and what follows',
    before: { ...dockerfile('COPY src /src', 'RUN ls /src'), 'src/a': { mode: 0o644, content: 'a' } },
    after: { 'src/a': { mode: 0o645, content: 'a' } },
    cached: [],
    ran: [
      ['COPY src /src', '1 of 1 files changed: src/a (mode)'],
      ['RUN ls /src', below],
    ],
  },
  {
    title: 'added files are named',
    before: { ...dockerfile('COPY src /src'), 'src/a': 'a' },
    after: { 'src/b': 'b' },
    cached: [],
    ran: [['COPY src /src', '1 of 2 files changed: src/b (added)']],
  },
  {
    title: 'a change outside what is copied reruns nothing',
    before: { ...dockerfile('COPY src /src', 'RUN ls'), 'src/a': 'a', other: '1' },
    after: { other: '2', more: '3' },
    cached: ['COPY src /src', 'RUN ls'],
    ran: [],
  },
  {
    title: 'a change of what .dockerignore leaves out reruns nothing',
    before: { ...dockerfile('COPY . /src'), '.dockerignore': '*.log\n', f: 'f', 'a.log': '1' },
    after: { 'a.log': '2' },
    cached: ['COPY . /src'],
    ran: [],
  },
  {
    title: 'a changed ENV is named by each RUN below it',
    before: dockerfile('ENV v=1', 'RUN echo $v > /v', 'RUN true'),
    after: dockerfile('ENV v=2', 'RUN echo $v > /v', 'RUN true'),
    cached: [],
    ran: [
      ['RUN echo $v > /v', "env v changed from '1' to '2'"],
      ['RUN true', "env v changed from '1' to '2'"],
    ],
  },
  {
    title: 'a build argument counts from the line that declares it on',
    before: dockerfile('RUN echo before > /before', 'ARG version', 'RUN echo after > /after'),
    after: {},
    beforeArgs: ['--build-arg', 'version=1'],
    afterArgs: ['--build-arg', 'version=2'],
    cached: ['RUN echo before > /before'],
    ran: [['RUN echo after > /after', "env version changed from '1' to '2'"]],
  },
  {
    title: 'a build argument that no line declares, and proxy settings, rerun nothing',
    before: dockerfile('RUN echo 1 > /1'),
    after: {},
    beforeArgs: ['--build-arg', 'http_proxy=http://192.0.2.1', '--build-arg', 'x=1'],
    afterArgs: ['--build-arg', 'http_proxy=http://192.0.2.2'],
    cached: ['RUN echo 1 > /1'],
    ran: [],
  },
  {
    title: 'an added variable is named with its value, a removed one by name',
    before: dockerfile('ENV old=1', 'RUN true'),
    after: dockerfile('ENV new=1', 'RUN true'),
    cached: [],
    ran: [['RUN true', "env new added: '1'; env old removed"]],
  },
  {
    title: 'USER and SHELL count',
    before: dockerfile('RUN id > /id'),
    after: dockerfile('USER 0:0', 'SHELL ["/bin/busybox", "sh", "-c"]', 'RUN id > /id'),
    cached: [],
    ran: [
      [
        'RUN id > /id',
        `shell changed from '["/bin/sh","-c"]' to '["/bin/busybox","sh","-c"]'; user changed from '' to '0:0'`,
      ],
    ],
  },
  {
    title: 'the network of a step counts',
    before: dockerfile('RUN true'),
    after: dockerfile('RUN --network=none true'),
    cached: [],
    ran: [['RUN --network=none true', "network changed from 'default' to 'none'"]],
  },
  {
    title: 'metadata between steps, comments and blanks rerun nothing',
    before: dockerfile('RUN echo 1 > /1', 'RUN echo 2 > /2'),
    after: dockerfile('# comment', 'RUN echo 1 > /1', 'LABEL a=b', 'CMD ["x"]', 'EXPOSE 80', '', '  RUN   echo 2 > /2'),
    cached: ['RUN echo 1 > /1', 'RUN   echo 2 > /2'],
    ran: [],
  },
  {
    title: 'the body of a here-document counts',
    before: dockerfile('RUN <<E', 'echo 1 > /f', 'E'),
    after: dockerfile('RUN <<E', 'echo 2 > /f', 'E'),
    cached: [],
    ran: [['RUN <<E', "command changed from 'echo 1 > /f\\x0a' to 'echo 2 > /f\\x0a'"]],
  },
];

for (const { title, before, after, beforeArgs = [], afterArgs = [], cached, ran } of edits) {
  test(title, { skip }, () =>
    withBuilds(async ({ build }) => {
      const first = await build(before, ...beforeArgs);
      assert.deepEqual([first.code, first.cached], [0, []], first.stderr);
      const second = await build(after, ...afterArgs);
      assert.equal(second.code, 0, second.stderr);
      assert.deepEqual({ cached: second.cached, ran: second.ran }, { cached, ran });
    }),
  );
}

test('touching a file, its time alone, reruns nothing', { skip }, () =>
  withBuilds(async ({ build, context }) => {
    await build({ ...dockerfile('COPY src /src', 'RUN ls'), 'src/a': 'a' });
    utimesSync(join(context, 'src/a'), 1, 1);
    assert.deepEqual((await build({})).cached, ['COPY src /src', 'RUN ls']);
  }),
);

test('a mode that is changed and changed back is known', { skip }, () =>
  withBuilds(async ({ build, context }) => {
    await build({ ...dockerfile('COPY a /a'), a: { mode: 0o644, content: 'a' } });
    chmodSync(join(context, 'a'), 0o755);
    assert.deepEqual((await build({})).cached, []);
    chmodSync(join(context, 'a'), 0o644);
    assert.deepEqual((await build({})).cached, ['COPY a /a']);
  }),
);

test('the same instruction on another base is never reused', { skip }, () =>
  withBuilds(async ({ store, build }) => {
    const other = store.context('other', dockerfile('RUN echo other > /other'));
    await store.ok(['build', '-q', '-t', 'other', other]);
    await build(dockerfile('RUN echo 1 > /1'));
    const moved = await build({ Dockerfile: 'FROM other\nRUN echo 1 > /1\n' });
    assert.deepEqual([moved.cached, moved.ran], [[], [['RUN echo 1 > /1', below]]]);
    assert.deepEqual((await build(dockerfile('RUN echo 1 > /1'))).cached, ['RUN echo 1 > /1']);
  }),
);

test('what is reused does not depend on the folder or the name of the Dockerfile', { skip }, () =>
  withBuilds(async ({ store, build }) => {
    await build({ ...dockerfile('COPY f /f', 'RUN cat /f'), f: 'x' });
    const elsewhere = store.context('elsewhere', { Other: 'FROM base\nCOPY f /f\nRUN cat /f\n', f: 'x' });
    const again = storyOf(await store.build(elsewhere, '-f', join(elsewhere, 'Other')));
    assert.deepEqual(again.cached, ['COPY f /f', 'RUN cat /f']);
  }),
);

test('a failed step is not cached, those before it are', { skip }, () =>
  withBuilds(async ({ build }) => {
    const failing = dockerfile('RUN echo 1 > /1', 'RUN echo 2 > /2; exit 7', 'RUN echo 3 > /3');
    const first = await build(failing);
    assert.deepEqual([first.code, first.cached], [1, []]);
    const second = await build(failing);
    assert.deepEqual([second.code, second.cached], [1, ['RUN echo 1 > /1']]);
    assert.deepEqual(second.ran, [['RUN echo 2 > /2; exit 7', never]]);
    const mended = await build(dockerfile('RUN echo 1 > /1', 'RUN echo 2 > /2', 'RUN echo 3 > /3'));
    assert.deepEqual([mended.code, mended.cached], [0, ['RUN echo 1 > /1']]);
  }),
);

test('all that a failed step wrote is kept, and the error says where', { skip }, () =>
  withBuilds(async ({ store: { root }, build }) => {
    const { code, stderr } = await build(dockerfile('RUN seq 1 100 && exit 5'));
    assert.equal(code, 1);
    const [, path = ''] = /^hint: the whole output is in (.*)$/m.exec(stderr) ?? [];
    assert.equal(dirname(path), join(root, 'logs'), stderr);
    const lines = Array.from({ length: 100 }, (_, index) => `${index + 1}\n`);
    assert.equal(readFileSync(path, 'utf8'), `# RUN seq 1 100 && exit 5\n${lines.join('')}`);
  }),
);

test('--no-cache runs every step again, and what it makes is then known', { skip }, () =>
  withBuilds(async ({ build }) => {
    const files = dockerfile('RUN echo 1 > /1', 'WORKDIR /w');
    await build(files);
    const again = await build(files, '--no-cache');
    const off = 'the cache is off';
    assert.deepEqual(again.cached, []);
    assert.deepEqual(again.ran, [
      ['RUN echo 1 > /1', off],
      ['WORKDIR /w', off],
    ]);
    assert.deepEqual((await build(files)).cached, ['RUN echo 1 > /1', 'WORKDIR /w']);
  }),
);

test('a step that runs again and ends in the same lets what follows hit', { skip }, () =>
  withBuilds(async ({ build }) => {
    const rest = ['RUN date > /date', 'RUN ls /'];
    await build(dockerfile('RUN echo 3 > /three', ...rest));
    const again = await build(dockerfile('RUN echo $((1 + 2)) > /three', ...rest));
    assert.deepEqual(
      again.ran.map(([instruction]) => instruction),
      ['RUN echo $((1 + 2)) > /three'],
    );
    assert.deepEqual(again.cached, rest);
    assert.match(again.stderr, /^#\d+ same result as before: what follows on it can be reused$/m);
  }),
);

test('a stage whose result is the same lets the stage that copies from it hit', { skip }, () =>
  withBuilds(async ({ build }) => {
    const Dockerfile =
      'FROM base AS build\nCOPY source /source\nRUN head -n 1 /source > /result\n' +
      'FROM base\nCOPY --from=build /result /result\nRUN cat /result\n';
    await build({ Dockerfile, source: 'same\ncomment one\n' });
    const again = await build({ source: 'same\ncomment two\n' });
    assert.deepEqual(again.ran, [
      ['COPY source /source', '1 of 1 files changed: source (content)'],
      ['RUN head -n 1 /source > /result', below],
    ]);
    assert.deepEqual(again.cached, ['COPY --from=build /result /result', 'RUN cat /result']);
  }),
);

test('a stage that the target does not need is neither run nor told of', { skip }, () =>
  withBuilds(async ({ build }) => {
    const built = await build({
      Dockerfile: 'FROM base AS unused\nRUN exit 1\nFROM base\nRUN true\n',
    });
    assert.equal(built.code, 0, built.stderr);
    assert.deepEqual(built.ran, [['RUN true', never]]);
    assert.doesNotMatch(built.stderr, /exit 1/);
  }),
);

test('removing the image that was built keeps its steps known', { skip }, () =>
  withBuilds(async ({ store, build }) => {
    const files = dockerfile('RUN echo 1 > /1');
    await build(files, '-t', 'gone');
    await store.ok(['rmi', 'gone']);
    assert.deepEqual((await build(files)).cached, ['RUN echo 1 > /1']);
  }),
);

test('two builds of the same at once: both succeed, a step runs once', { skip }, () =>
  withBuilds(async ({ store, context }) => {
    const lines = ['RUN sleep 1; head -c 16 /dev/urandom > /random', 'RUN cat /random > /copy'];
    writeFiles(context, dockerfile(...lines));
    const both = await Promise.all([store.build(context, '-t', 'one'), store.build(context, '-t', 'two')]);
    for (const { code, stderr } of both) assert.equal(code, 0, stderr);
    assert.equal(both.flatMap((each) => storyOf(each).cached).length, 2);
    assert.equal(await layersOf(store, 'one'), await layersOf(store, 'two'));
  }),
);

async function layersOf(store: TestStore, name: string): Promise<string> {
  return (await store.ok(['inspect', '--format', '{{json .RootFS.Layers}}', name])).stdout;
}

/** The same inputs, the same bytes: in two stores, at two times. */
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsRoot, TestStore, type FileTree } from './test-store.ts';

const skip = needsRoot;
const epoch = 1_700_000_000;

const files: FileTree = {
  Dockerfile: `FROM busybox:local AS build
WORKDIR /src/deep
COPY . .
RUN mkdir /made && date > /made/when; touch /made/empty; rm -rf /made/when
ADD archive.txt /added/
FROM busybox:local
LABEL a=b
COPY --from=build /made /made
COPY <<EOF /inline
text
EOF
WORKDIR /work/here
RUN echo x > x
`,
  'archive.txt': 'text',
  'dir/file': 'content',
};

interface Manifest {
  readonly Digest: string;
  readonly layers: readonly string[];
  readonly config: string;
}

/** Builds on a store of its own from files that were written just now, and tells the image's digests. */
async function builtAnew(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Manifest> {
  await using store = new TestStore();
  await store.busybox('busybox:local', { env: { SOURCE_DATE_EPOCH: String(epoch) } });
  const context = store.context('c', files);
  await store.ok(['build', '-q', '-t', 'built', ...args, context], { env });
  const [image] = JSON.parse((await store.ok(['inspect', 'built'])).stdout) as {
    Id: string;
    Digest: string;
    Created: string;
    RootFS: { Layers: string[] };
  }[];
  const history = JSON.parse(
    (await store.ok(['history', '--format', 'json', '--no-trunc', 'built'])).stdout.split('\n')[0] ?? '{}',
  ) as object;
  assert.ok(history);
  return { Digest: image?.Digest ?? '', layers: image?.RootFS.Layers ?? [], config: image?.Id ?? '' };
}

test('SOURCE_DATE_EPOCH: two builds in two stores, at two times, give one digest', { skip }, async () => {
  const first = await builtAnew(['--source-date-epoch', String(epoch)]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = await builtAnew([], { SOURCE_DATE_EPOCH: String(epoch) });
  const third = await builtAnew(['--build-arg', `SOURCE_DATE_EPOCH=${epoch}`]);
  assert.deepEqual(second, first);
  assert.deepEqual(third, first);
});

test('SOURCE_DATE_EPOCH: no time in layers, config and history is later', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const context = store.context('c', files);
  await store.ok(['build', '-q', '-t', 'built', '--source-date-epoch', String(epoch), context]);
  const [image] = JSON.parse((await store.ok(['inspect', 'built'])).stdout) as [{ Created: string }];
  assert.equal(Date.parse(image.Created), epoch * 1000);
  const script = `find / -xdev -newermt "1970-01-01" 2>/dev/null | while read p; do
    case $p in /proc*|/sys*|/dev*|/etc/hosts|/etc/hostname|/etc/resolv.conf) ;; *) stat -c '%Y %n' "$p";; esac; done`;
  const { stdout } = await store.ok(['run', '--rm', 'built', 'sh', '-c', script]);
  const later = stdout
    .split('\n')
    .filter((line) => Number(line.split(' ')[0]) > epoch && /made|work|src|inline|x$/.test(line));
  assert.deepEqual(later, []);
});

test(
  'what was built without an epoch is not reused for a build with one, nor the other way round',
  { skip },
  async () => {
    await using store = new TestStore();
    await store.busybox();
    const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN echo x > /x\n' });
    const layers = async (...args: string[]): Promise<string> => {
      await store.ok(['build', '-q', '-t', 'built', ...args, context]);
      return (await store.ok(['inspect', '--format', '{{json .RootFS.Layers}}', 'built'])).stdout;
    };
    const plain = await layers();
    const clamped = await layers('--source-date-epoch', String(epoch));
    assert.notEqual(clamped, plain);
    assert.equal(await layers('--source-date-epoch', String(epoch)), clamped);
    assert.equal(await layers(), plain);
  },
);

test('layers of COPY, ADD and WORKDIR are equal without an epoch', { skip }, async () => {
  const Dockerfile = `FROM scratch\nWORKDIR /a/b\nCOPY dir /c/\nADD archive.txt /d/\nCOPY <<EOF /e\ntext\nEOF\nWORKDIR /f\n`;
  const layersOf = async (): Promise<readonly string[]> => {
    await using store = new TestStore();
    const context = store.context('c', { ...files, Dockerfile });
    for (const name of ['archive.txt', 'dir/file', 'dir']) utimesSync(join(context, name), epoch, epoch);
    await store.ok(['build', '-q', '-t', 'built', context]);
    const { stdout } = await store.ok(['inspect', '--format', '{{json .RootFS.Layers}}', 'built']);
    return JSON.parse(stdout) as readonly string[];
  };
  const first = await layersOf();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal(first.length, 5);
  assert.deepEqual(await layersOf(), first);
});

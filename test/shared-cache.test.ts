/** What one machine built is not built again on another: caches in a folder and in a registry. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsRoot, TestStore, type Ended, type FileTree } from './test-store.ts';

const skip = needsRoot;

const steps = ['RUN echo 1 > /one', 'COPY data /data', 'RUN echo 3 > /three', 'WORKDIR /w', 'RUN echo 5 > five'];

/** An image of nothing but its own steps, so that another store needs no base. */
function sources(lines: readonly string[] = steps): FileTree {
  const busybox = { mode: 0o755, content: readFileSync('/usr/bin/busybox') };
  const base = [
    'FROM scratch',
    'COPY --chmod=755 busybox /bin/busybox',
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
  ];
  return { Dockerfile: [...base, ...lines, ''].join('\n'), busybox, 'data/a': 'a\n', 'data/b': 'b\n' };
}

/** Instructions that ran, and those that were reused. */
function story({ stderr, code }: Ended): { readonly ran: readonly string[]; readonly cached: readonly string[] } {
  assert.equal(code, 0, stderr);
  const headings = [...stderr.matchAll(/^#(\d+) \[[^\]]*\] (.*)$/gm)];
  const labels = new Map(headings.map(([, step = '', text = '']) => [step, text]));
  const named = (pattern: RegExp): readonly string[] =>
    [...stderr.matchAll(pattern)].map(([, step = '']) => labels.get(step) ?? '');
  return { ran: named(/^#(\d+) not reused: /gm), cached: named(/^#(\d+) CACHED$/gm) };
}

async function imageId(store: TestStore, name: string): Promise<string> {
  return (await store.ok(['inspect', '--format', '{{.Id}}', name])).stdout.trim();
}

test('a folder with a cache: another store runs nothing, and comes to the same image', { skip }, async () => {
  await using a = new TestStore();
  await using b = new TestStore();
  const folder = join(a.folder, 'cache');
  const built = await a.build(a.context('src', sources()), '-t', 'app', '--cache-to', `type=local,dest=${folder}`);
  assert.equal(story(built).ran.length, 7, built.stderr);
  const again = await b.build(b.context('src', sources()), '-t', 'app', '--cache-from', `type=local,src=${folder}`);
  assert.deepEqual([story(again).ran, story(again).cached.length], [[], 7], again.stderr);
  assert.equal(await imageId(b, 'app'), await imageId(a, 'app'));
  const ran = await b.ok(['run', '--rm', 'app', '/bin/cat', '/one', '/data/b', '/w/five']);
  assert.equal(ran.stdout, '1\nb\n5\n');
  // What came is this store's own now.
  rmSync(folder, { recursive: true });
  assert.deepEqual(story(await b.build(join(b.folder, 'src'))).ran, []);
});

/** Three machines and one registry: what the first built, the others do not, even when a network fails in between. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { dockerRegistryMissing } from '../src/registry/docker-registry.fixture.ts';
import { networkHosts, networkHostsMissing, type NetworkHost } from './network-hosts.ts';
import type { Ended, FileTree } from './test-store.ts';

const skip = networkHostsMissing === false ? dockerRegistryMissing : networkHostsMissing;

const runs = Array.from({ length: 8 }, (_, index) => `RUN echo ${index} > /step-${index}`);
const lines = [
  'FROM scratch',
  'COPY --chmod=755 busybox /bin/busybox',
  'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
  'COPY ballast /ballast',
  ...runs,
  'WORKDIR /made/here',
  'CMD ["/bin/cat", "/step-0", "/step-7"]',
];
const layerSteps = 12;

function sources(): FileTree {
  const busybox = { mode: 0o755, content: readFileSync('/usr/bin/busybox') };
  return { Dockerfile: `${lines.join('\n')}\n`, busybox, ballast };
}

/** Does not shrink: some seconds on the way. */
const ballast = randomBytes(12_000_000);

interface Story {
  readonly ran: number;
  readonly cached: number;
  readonly imageId: string;
}

async function build(host: NetworkHost, ...args: readonly string[]): Promise<Story> {
  const context = host.store.context('src', sources());
  const built = await host.run(['build', '--progress=plain', '--network=none', '-t', 'app', ...args, context]);
  return storyOf(host, built);
}

async function storyOf({ store }: NetworkHost, { code, stderr }: Ended): Promise<Story> {
  assert.equal(code, 0, stderr);
  const count = (pattern: RegExp): number => stderr.match(pattern)?.length ?? 0;
  const { stdout } = await store.ok(['inspect', '--format', '{{.Id}}', 'app']);
  return { ran: count(/^#\d+ not reused: /gm), cached: count(/^#\d+ CACHED$/gm), imageId: stdout.trim() };
}

/** Until the host is in the middle of a download. */
async function untilDownloading({ store }: NetworkHost): Promise<void> {
  const ingest = join(store.root, 'ingest');
  for (let tries = 0; tries < 3000; tries++) {
    if (sizesIn(ingest).some((sizeBytes) => sizeBytes > 1_000_000)) return;
    await pause(10);
  }
  assert.fail('nothing was downloaded');
}

function sizesIn(folder: string): readonly number[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
    );
  } catch {
    return [];
  }
}

test(
  'three hosts, one registry: what A built, B and C take over at once; the link of one is cut in the middle and heals',
  {
    skip,
  },
  async () => {
    await using network = await networkHosts(3, { rateMbit: 40 });
    const [a, b, c] = network.hosts as [NetworkHost, NetworkHost, NetworkHost];
    const cache = `type=registry,ref=${network.registry}/team/cache:app`;
    const first = await build(a, '--cache-to', cache);
    assert.deepEqual([first.ran, first.cached], [layerSteps, 0]);

    const others = [build(b, '--cache-from', cache), build(c, '--cache-from', cache)];
    await untilDownloading(c);
    c.setLink('down');
    await pause(2000);
    c.setLink('up');
    for (const { ran, cached, imageId } of await Promise.all(others)) {
      assert.deepEqual([ran, cached], [0, layerSteps], 'nothing ran');
      assert.equal(imageId, first.imageId, 'the very image');
    }
    for (const { store } of [b, c]) {
      const ran = await store.ok(['run', '--rm', 'app']);
      assert.equal(ran.stdout, '0\n7\n');
      const again = await store.ok(['build', '--progress=plain', '--network=none', join(store.folder, 'src')]);
      assert.doesNotMatch(again.stderr, /not reused/, 'nothing was lost');
    }
  },
);

test(
  'a registry that nothing comes back from is waited for in vain, and said to be; the build goes on',
  { skip },
  async () => {
    await using network = await networkHosts(1, { rateMbit: 40 });
    const [host] = network.hosts as [NetworkHost];
    host.loseWhatGoesTo('10.99.0.77');
    const context = host.store.context('src', { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const nobody = 'type=registry,ref=10.99.0.77/team/cache';
    const built = await host.run(['build', '--progress=plain', '--cache-from', nobody, context]);
    assert.equal(built.code, 0, built.stderr);
    const said = built.stderr.indexOf('import cache from 10.99.0.77/team/cache');
    assert.ok(said > 0 && said < built.stderr.indexOf('COPY'), built.stderr);
    assert.match(built.stderr, /^ 1 warning found:\n - import cache .*no connection to 10\.99\.0\.77 within 5000 ms$/m);
    const unwritten = await host.run([
      'build',
      '--progress=plain',
      '--cache-to',
      `${nobody},ignore-error=true`,
      context,
    ]);
    assert.equal(unwritten.code, 0, unwritten.stderr);
    assert.match(unwritten.stderr, /\[internal\] export cache to 10\.99\.0\.77/);
    assert.match(unwritten.stderr, /WARNING: export cache to .*no connection to 10\.99\.0\.77 within 5000 ms/);
  },
);

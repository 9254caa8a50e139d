/** What one machine built is not built again on another: caches in a folder and in a registry. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { dockerRegistryMissing } from '../src/registry/docker-registry.fixture.ts';
import { watchedRegistry } from './image-registries.ts';
import { needsRoot, TestStore, writeFiles, type Ended, type FileTree } from './test-store.ts';

const skip = needsRoot;
const skipRegistry = needsRoot === false ? dockerRegistryMissing : needsRoot;

const steps = ['RUN echo 1 > /one', 'COPY data /data', 'RUN echo 3 > /three', 'WORKDIR /w', 'RUN echo 5 > five'];

const base = [
  'FROM scratch',
  'COPY --chmod=755 busybox /bin/busybox',
  'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
];

/** An image of nothing but its own steps, so that another store needs no base. */
function sources(lines: readonly string[] = steps): FileTree {
  const busybox = { mode: 0o755, content: readFileSync('/usr/bin/busybox') };
  return { Dockerfile: [...base, ...lines, ''].join('\n'), busybox, 'data/a': 'a\n', 'data/b': 'b\n' };
}

/** Two stages, of which the second only copies from the first. */
function copying(...more: readonly string[]): readonly string[] {
  const first = ['RUN echo large > /large', 'RUN mkdir /out && echo made > /out/made'];
  return [...first, 'FROM scratch', 'COPY --from=0 /out /out', ...more];
}

/** A cache in the registry. */
function at(host: string): string {
  return `type=registry,ref=${host}/team/cache:app`;
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

test(
  'a cache in a registry: each layer that the image needs is fetched once, nothing runs, and a second export sends no layer',
  {
    skip: skipRegistry,
  },
  async () => {
    await using registry = await watchedRegistry();
    await using a = new TestStore();
    await using b = new TestStore();
    const built = await a.build(a.context('src', sources()), '-t', 'app', '--cache-to', at(registry.registry.host));
    assert.equal(story(built).ran.length, 7);
    const from = ['--cache-from', at(registry.host)];
    const first = await b.build(b.context('src', sources()), '-t', 'app', ...from);
    assert.deepEqual(story(first).ran, []);
    assert.equal(await imageId(b, 'app'), await imageId(a, 'app'));
    const asked = registry.takeBlobRequests();
    assert.equal(asked.length, 1 + 7, 'the records and seven layers');
    assert.equal(new Set(asked).size, asked.length, 'nothing twice');
    const second = await b.build(join(b.folder, 'src'), '-t', 'app', ...from);
    assert.deepEqual([story(second).ran, registry.takeBlobRequests().length], [[], 1], 'the records alone');
    const sent = registry.requests.length;
    const exported = await b.build(join(b.folder, 'src'), '--cache-to', at(registry.host));
    assert.deepEqual(story(exported).ran, []);
    const uploads = registry.requests.slice(sent).filter(({ line }) => line.startsWith('POST '));
    assert.deepEqual(
      uploads.map(({ line }) => line),
      [],
      'all of it was there',
    );
  },
);

test(
  'a registry that has collected a layer: that step is built again, with a warning',
  { skip: skipRegistry },
  async () => {
    await using registry = await watchedRegistry();
    await using a = new TestStore();
    await using b = new TestStore();
    await a.build(a.context('src', sources()), '--cache-to', at(registry.registry.host));
    const base = `http://${registry.registry.host}/v2/team/cache`;
    const manifest = (await (await fetch(`${base}/manifests/app`, oci)).json()) as Manifest;
    const deleted = await fetch(`${base}/blobs/${manifest.layers.at(3)?.digest}`, { method: 'DELETE' });
    assert.equal(deleted.status, 202);
    const built = await b.build(b.context('src', sources()), '-t', 'app', '--cache-from', at(registry.host));
    assert.equal(story(built).ran.length, 1, built.stderr);
    assert.match(built.stderr, /is not reused: layer [0-9a-f]{12}: .*not found/);
    assert.equal((await b.ok(['run', '--rm', 'app', '/bin/cat', '/one', '/data/b'])).stdout, '1\nb\n');
  },
);

test(
  'a step that must run needs what it stands on, and says what differs from the other machine',
  { skip },
  async () => {
    await using a = new TestStore();
    await using b = new TestStore();
    const folder = join(a.folder, 'cache');
    const to = `type=local,dest=${folder}`;
    await a.build(a.context('src', sources()), '--cache-to', to);
    const context = b.context('elsewhere', { ...sources(), 'data/b': 'other\n' });
    const built = await b.build(context, '-t', 'app', '--cache-from', `type=local,src=${folder}`);
    assert.match(built.stderr, /not reused: 1 of 2 files changed: data\/b \(content, size\)/);
    assert.equal(story(built).cached.length, 3);
    assert.equal((await b.ok(['run', '--rm', 'app', '/bin/cat', '/one', '/data/b'])).stdout, '1\nother\n');
  },
);

test('an image that carries the cache of its own steps is one to build on elsewhere', { skip }, async () => {
  await using a = new TestStore();
  await using b = new TestStore();
  const image = join(a.folder, 'image');
  const output = `type=oci,tar=false,dest=${image}`;
  await a.ok(['build', '-q', '-t', 'app', '-o', output, '--cache-to', 'type=inline', a.context('src', sources())]);
  const plain = await a.build(join(a.folder, 'src'), '-t', 'app');
  assert.deepEqual(story(plain).ran, []);
  const built = await b.build(b.context('src', sources()), '-t', 'app', '--cache-from', `type=local,src=${image}`);
  assert.deepEqual([story(built).ran, story(built).cached.length], [[], 7]);
  assert.equal(await imageId(b, 'app'), await imageId(a, 'app'), 'the image is what it is without');
});

for (const mode of ['min', 'max']) {
  test(`a stage that only files are copied from is not fetched, mode=${mode}`, { skip: skipRegistry }, async () => {
    await using registry = await watchedRegistry();
    await using a = new TestStore();
    await using b = new TestStore();
    const to = `${at(registry.registry.host)},mode=${mode}`;
    const first = await a.build(a.context('src', sources(copying())), '-t', 'app', '--cache-to', to);
    assert.equal(story(first).ran.length, 5);
    const from = ['--cache-from', at(registry.host)];
    const built = await b.build(b.context('src', sources(copying())), '-t', 'app', ...from);
    assert.deepEqual([story(built).ran, story(built).cached.length], [[], 5], built.stderr);
    assert.equal(registry.takeBlobRequests().length, 2, 'the records and the one layer of the image');
    assert.equal(await imageId(b, 'app'), await imageId(a, 'app'));
    const more = 'COPY --from=0 /large /';
    const other = await b.build(b.context('src', sources(copying(more))), '-t', 'app', ...from);
    assert.deepEqual(story(other).ran.at(-1), more);
    assert.equal(story(other).ran.length, mode === 'max' ? 1 : 5, 'layers that are not in the cache are made');
    assert.equal(registry.takeBlobRequests().length, mode === 'max' ? 1 + 4 : 1, 'now the stage is looked into');
    assert.doesNotMatch(other.stderr, /warning/i);
  });
}

/** A RUN that sees one folder of another stage. */
function mounting(...more: readonly string[]): readonly string[] {
  const mount = '--mount=type=bind,from=0,source=/out,target=/in';
  const other = ['RUN echo large > /large', 'RUN mkdir /out && echo made > /out/made', ...base];
  return [...other, `RUN ${mount} cat /in/made > /seen`, ...more];
}

test(
  'of a stage that a RUN mounts a folder of nothing is fetched while it is known',
  { skip: skipRegistry },
  async () => {
    await using registry = await watchedRegistry();
    await using a = new TestStore();
    await using b = new TestStore();
    const to = `${at(registry.registry.host)},mode=max`;
    const first = await a.build(a.context('src', sources(mounting())), '-t', 'app', '--cache-to', to);
    assert.equal(story(first).ran.length, 5);
    const from = ['--cache-from', at(registry.host)];
    const built = await b.build(b.context('src', sources(mounting())), '-t', 'app', ...from);
    assert.deepEqual([story(built).ran, story(built).cached.length], [[], 7], built.stderr);
    assert.equal(registry.takeBlobRequests().length, 1 + 3, 'the records and the layers of the image');
    assert.equal(await imageId(b, 'app'), await imageId(a, 'app'));
    const more = 'RUN --mount=type=bind,from=0,source=/large,target=/in cat /in > /more';
    const other = await b.build(b.context('src', sources(mounting(more))), '-t', 'app', ...from);
    assert.deepEqual(story(other).ran, [more]);
    assert.equal(registry.takeBlobRequests().length, 1 + 2, 'now the stage is looked into');
  },
);

test('what is gone, cut short or changed is built again, with a warning', { skip }, async (t) => {
  await using a = new TestStore();
  const whole = join(a.folder, 'cache');
  await a.build(a.context('src', sources()), '-t', 'app', '--cache-to', `type=local,dest=${whole}`);
  const damaged = async (damage: (cache: Layout) => void, expected: RegExp): Promise<void> => {
    await using b = new TestStore();
    const folder = join(b.folder, 'cache');
    cpSync(whole, folder, { recursive: true });
    damage(new Layout(folder));
    const built = await b.build(b.context('src', sources()), '-t', 'app', '--cache-from', `type=local,src=${folder}`);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, expected);
    assert.doesNotMatch(built.stderr, /ERROR/);
    const shown = await b.ok(['run', '--rm', 'app', '/bin/cat', '/one', '/three', '/w/five']);
    assert.equal(shown.stdout, '1\n3\n5\n');
    assert.deepEqual(story(await b.build(join(b.folder, 'src'))).ran, []);
  };
  const one = 'RUN echo 1 > /one';
  const gone = /warning: cache .*RUN echo 1 > \/one is not reused: layer [0-9a-f]{12}: .*not found/i;
  await t.test('a layer that was collected', () => damaged((cache) => cache.remove(cache.layerOf(one)), gone));
  await t.test('all layers', () => damaged((cache) => cache.layers().forEach((each) => cache.remove(each)), gone));
  await t.test('other bytes of the same length', () =>
    damaged((cache) => cache.spoil(cache.layerOf(one)), /RUN echo 1 > \/one is not reused: layer/),
  );
  await t.test('a record that names the layer of another step', () =>
    damaged(
      (cache) =>
        cache.rewrite((entries) => {
          const other = entries.find(({ label }) => label === 'RUN echo 3 > /three')?.layer;
          return entries.map((entry) => (entry.label === one ? { ...entry, layer: other } : entry));
        }),
      /is not reused: layer/,
    ),
  );
  await t.test('records that have their layers exchanged', () =>
    damaged(
      (cache) =>
        cache.rewrite((entries) => {
          const layer = (label: string) => entries.find((entry) => entry.label === label)?.layer;
          const exchanged = new Map([
            [one, layer('RUN echo 3 > /three')],
            ['RUN echo 3 > /three', layer(one)],
          ]);
          return entries.map((entry) => ({ ...entry, layer: exchanged.get(entry.label) ?? entry.layer }));
        }),
      /it does not hold what the cache says/,
    ),
  );
});

test(
  'a cache that cannot be read is a warning, one that cannot be written an error, unless that is ignored',
  {
    skip,
  },
  async () => {
    await using store = new TestStore();
    const context = store.context('src', { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
    const missing = join(store.folder, 'missing');
    const unread = await store.build(context, '--cache-from', `type=local,src=${missing}`);
    assert.equal(unread.code, 0);
    assert.match(unread.stderr, /warning: import cache from .*missing/i);
    const nobody = 'type=registry,ref=127.0.0.1:1/no/body';
    const unwritten = await store.build(context, '--cache-to', nobody);
    assert.equal(unwritten.code, 1);
    assert.match(unwritten.stderr, /export cache to 127\.0\.0\.1:1\/no\/body/);
    const ignored = await store.build(context, '--cache-to', `${nobody},ignore-error=true`);
    assert.equal(ignored.code, 0);
    assert.match(ignored.stderr, /warning: export cache to/i);
  },
);

test('wrong attributes are refused, and the known ones named', { skip }, async () => {
  await using store = new TestStore();
  const context = store.context('src', { Dockerfile: 'FROM scratch\n' });
  const refused = async (flag: string, value: string, expected: RegExp): Promise<void> => {
    const ended = await store.build(context, flag, value);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, expected);
  };
  await refused(
    '--cache-to',
    'type=s3',
    /there is no cache in Amazon's S3 \(type s3\), known are registry, local, inline/,
  );
  await refused('--cache-to', 'type=registry', /ref is required/);
  await refused('--cache-to', 'type=local,dest=x,mode=all', /unknown mode "all", known are min, max/);
  await refused('--cache-to', 'type=local,dest=x,sauce=y', /unknown attribute "sauce", known are compression, /);
  await refused(
    '--cache-from',
    'type=local,src=x,mode=max',
    /unknown attribute "mode", known are digest, src, tag, type/,
  );
  await refused('--cache-from', 'type=tape', /unknown type "tape", known are registry, local/);
});

test('secrets never travel with a cache', { skip }, async () => {
  await using store = new TestStore();
  const folder = join(store.folder, 'cache');
  const secret = 'hunter2-is-no-secret';
  const context = store.context('src', sources(['RUN --mount=type=secret,id=s /bin/sha256sum /run/secrets/s > /sum']));
  writeFileSync(join(store.folder, 'secret'), secret);
  const args = [
    '--secret',
    `id=s,src=${join(store.folder, 'secret')}`,
    '--cache-to',
    `type=local,dest=${folder},mode=max`,
  ];
  assert.equal((await store.build(context, ...args)).code, 0);
  const layout = new Layout(folder);
  const blobs = layout.blobs().map((digest) => layout.read(digest));
  for (const bytes of blobs.map((each) => (each[0] === 0x1f ? gunzipSync(each) : each))) {
    assert.ok(!bytes.includes(secret));
  }
});

const oci = { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } };

interface Entry {
  readonly label: string;
  readonly layer?: string | undefined;
}

interface Manifest {
  readonly layers: readonly {
    readonly digest: string;
    readonly size: number;
    readonly annotations?: Record<string, string>;
  }[];
}

/** An OCI layout with a cache, as an attacker would handle it. */
class Layout {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  blobs(): readonly string[] {
    return readdirSync(join(this.#folder, 'blobs/sha256'));
  }

  read(hex: string): Buffer {
    return readFileSync(join(this.#folder, 'blobs/sha256', hex));
  }

  layers(): readonly string[] {
    return this.#manifest()
      .layers.slice(1)
      .map(({ digest }) => digest.slice(7));
  }

  layerOf(label: string): string {
    const diffId = this.#entries().find((entry) => entry.label === label)?.layer;
    const layer = this.#manifest().layers.find(
      ({ annotations }) => annotations?.['containerd.io/uncompressed'] === diffId,
    );
    return layer?.digest.slice(7) ?? '';
  }

  remove(hex: string): void {
    rmSync(join(this.#folder, 'blobs/sha256', hex));
  }

  spoil(hex: string): void {
    const bytes = this.read(hex);
    this.remove(hex);
    writeFileSync(join(this.#folder, 'blobs/sha256', hex), bytes.fill(0x20, bytes.length - 20));
  }

  /** Writes other records, with all digests right. */
  rewrite(change: (entries: readonly Entry[]) => readonly Entry[]): void {
    const [head = ''] = this.#lines();
    const lines = [head, ...change(this.#entries()).map((entry) => JSON.stringify(entry)), ''];
    const records = this.#add(Buffer.from(lines.join('\n')));
    const manifest = this.#manifest();
    const [list, ...layers] = manifest.layers;
    const changed = this.#add(
      Buffer.from(JSON.stringify({ ...manifest, layers: [{ ...list, ...records }, ...layers] })),
    );
    const index = JSON.parse(readFileSync(join(this.#folder, 'index.json'), 'utf8')) as { manifests: object[] };
    const listed = { ...index, manifests: index.manifests.map((each) => ({ ...each, ...changed })) };
    writeFileSync(join(this.#folder, 'index.json'), JSON.stringify(listed));
  }

  #add(bytes: Buffer): { readonly digest: string; readonly size: number } {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFiles(this.#folder, { [`blobs/sha256/${hex}`]: bytes });
    return { digest: `sha256:${hex}`, size: bytes.length };
  }

  #manifest(): Manifest {
    const index = JSON.parse(readFileSync(join(this.#folder, 'index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    return JSON.parse(String(this.read(index.manifests[0]?.digest.slice(7) ?? ''))) as Manifest;
  }

  #lines(): readonly string[] {
    return String(this.read(this.#manifest().layers[0]?.digest.slice(7) ?? ''))
      .trimEnd()
      .split('\n');
  }

  #entries(): readonly Entry[] {
    return this.#lines()
      .slice(1)
      .map((line) => JSON.parse(line) as Entry);
  }
}

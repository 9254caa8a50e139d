import type {
  BuildEvent,
  BuildOptions,
  CheckedBuild,
  BuildCheckOptions,
  CacheSummary,
  ContextRow,
  Engine,
  ImageSummary,
  LayerPath,
  TransferEvent,
} from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { created, fakeContainers, imageId, plain } from './fake-containers.fixture.ts';
import type { Call, FakeContainer } from './fake-containers.fixture.ts';
import { fakeRegistries, pushProgress } from './fake-registries.fixture.ts';

const encoder = new TextEncoder();

export interface FakeEngine {
  readonly engine: Engine;
  readonly calls: Call[];
  /** What containers write and how they end; tests set it. */
  readonly container: FakeContainer;
  buildEvents: readonly BuildEvent[];
  buildFault: Error | undefined;
  checked: CheckedBuild;
  transferEvents: readonly TransferEvent[];
  disposed: boolean;
}

const imageRows: readonly ImageSummary[] = [
  { repository: 'clitest', tag: 'latest', digest: `sha256:${'d'.repeat(64)}`, imageId, created, sizeBytes: 1_984_274 },
  {
    repository: '<none>',
    tag: '<none>',
    digest: '',
    imageId: `sha256:9220c3f03a53${'0'.repeat(52)}`,
    created,
    sizeBytes: 7_800_000,
  },
  {
    repository: 'localhost:5000/team/debian',
    tag: 'min',
    digest: '',
    imageId: `sha256:ea6e40fd5ed0${'0'.repeat(52)}`,
    created: '2026-11-09T15:11:48Z',
    sizeBytes: 164_000_000,
  },
];

/** An engine that holds two containers and three images, does nothing, and remembers what it was asked for. */
export function createFakeEngine(): FakeEngine {
  const calls: Call[] = [];
  const fake: FakeEngine = {
    calls,
    container: { output: [], exitCode: 0, startFault: undefined, readsInput: false, waitsForSignal: false },
    buildEvents: [],
    buildFault: undefined,
    checked: { name: 'ctx/Dockerfile', text: 'FROM scratch\n', findings: [], errors: [], failed: false },
    transferEvents: [],
    disposed: false,
    engine: {
      images: fakeImages(calls, () => fake.transferEvents),
      containers: fakeContainers(calls, () => fake),
      caches: fakeCaches(calls),
      registries: fakeRegistries(calls),
      system: fakeSystem(calls),
      listContext: async function* list(options) {
        calls.push(['listContext', plain(options)]);
        yield contextRows.filter(({ rule }) => (rule !== undefined && !rule.text.startsWith('!')) === options.ignored);
      },
      build: async (options: BuildOptions) => {
        calls.push(['build', plain(options)]);
        for (const event of fake.buildEvents) options.onEvent(event);
        if (fake.buildFault !== undefined) throw fake.buildFault;
        const names = options.tags.map((tag) => `docker.io/library/${tag}:latest`);
        const target = { label: 'stage-0', imageId, manifestDigest: `sha256:${'1'.repeat(64)}`, names };
        return { targets: [target], metadata: { 'containerimage.config.digest': imageId } };
      },
      checkBuild: async (options: BuildCheckOptions) => {
        calls.push(['checkBuild', plain(options)]);
        return fake.checked;
      },
      openRegistry: async (options) => {
        calls.push(['openRegistry', plain(options)]);
        throw new Fault('unsupported', 'open a registry: this engine has no store');
      },
      [Symbol.asyncDispose]: async () => {
        fake.disposed = true;
      },
    },
  };
  return fake;
}

function fakeImages(calls: Call[], events: () => readonly TransferEvent[]): Engine['images'] {
  return {
    pull: async (reference, options) => {
      calls.push(['pull', reference, plain(options)]);
      if (reference === 'nope')
        throw new Fault('not-found', 'pull nope: no such image', { hint: 'is the name right?' });
      for (const event of events()) options.onProgress(event);
      return {
        reference: 'docker.io/library/alpine:latest',
        digest: `sha256:${'d'.repeat(64)}`,
        imageId,
        changed: events().length > 0,
      };
    },
    push: async (reference, options) => {
      calls.push(['push', reference, plain(options)]);
      if (reference === 'nope') throw new Fault('not-found', 'no such image: nope');
      for (const event of pushProgress) options.onProgress(event);
      return { reference: 'registry.test/app:1', digest: `sha256:${'d'.repeat(64)}`, sizeBytes: 528 };
    },
    importTar: async (tar, options) => {
      const given = tar instanceof URL ? tar.href : Buffer.concat(await Array.fromAsync(tar)).toString();
      calls.push(['importTar', given, plain(options)]);
      return { imageId };
    },
    copy: async (from, to, options) => {
      calls.push(['copy', from, to, plain(options)]);
      for (const event of events()) options.onProgress(event);
      const digest = `sha256:${'d'.repeat(64)}`;
      return { digest, sourceDigest: from === 'alpine' ? imageId : undefined, changed: from === 'alpine' };
    },
    load: async (archive, options) => {
      const pieces = await Array.fromAsync(archive);
      calls.push(['load', Buffer.concat(pieces).toString(), plain(options)]);
      for (const event of events()) options.onProgress(event);
      return [
        { names: ['docker.io/library/alpine:latest', 'registry.test/a:1'], imageId },
        { names: [], imageId },
      ];
    },
    list: () => imageRows,
    inspect: (name) => {
      const known = imageRows.find((row) => row.imageId === name || row.repository === name);
      if (known === undefined) throw new Fault('not-found', `no such image: ${name}`);
      return {
        Id: known.imageId,
        RepoTags: [`${known.repository}:${known.tag}`],
        Config: { Env: ['PATH=/bin'], Labels: known.repository === 'clitest' ? { a: '1' } : null },
      };
    },
    history: (name) => {
      calls.push(['history', name]);
      return [
        { id: imageId, created, createdBy: 'COPY Dockerfile /x', sizeBytes: 102, comment: 'varve' },
        {
          id: '<missing>',
          created,
          createdBy: "RUN /bin/sh -c echo hello && sleep 0.2; printf 'no\tnewline'",
          sizeBytes: 0,
          comment: '',
        },
        {
          id: '<missing>',
          created: '2026-11-23T14:36:55Z',
          createdBy: '',
          sizeBytes: 1_984_172,
          comment: 'Imported from -',
        },
      ];
    },
    layers: () => [
      {
        number: 1,
        instruction: 'import',
        diffId: `sha256:8ee1d1e9cc54${'0'.repeat(52)}`,
        sizeBytes: 1_984_172,
        added: 402,
        modified: 0,
        deleted: 0,
      },
      {
        number: 2,
        instruction: 'RUN /bin/sh -c apt-get update && apt-get install -y gcc libc6-dev',
        diffId: `sha256:faaec0000000${'0'.repeat(52)}`,
        sizeBytes: 170_000_000,
        added: 5321,
        modified: 12,
        deleted: 3,
      },
    ],
    layerTree: (name, layer) => {
      calls.push(['layerTree', name, layer]);
      return layerPaths();
    },
    tag: (source, target) => void calls.push(['tag', source, target]),
    remove: (name, options) => {
      calls.push(['remove', name, options]);
      if (name === 'nope') throw new Fault('not-found', 'no such image: nope');
      return [{ untagged: `${name}:latest` }, { deleted: imageId }];
    },
    save: async (names, options) => {
      calls.push(['save', names, plain(options)]);
      if (names.includes('broken')) await options.write(encoder.encode('half'));
      if (names.includes('broken')) throw new Fault('corrupt', 'save broken: blob sha256:0: wrong digest');
      await options.write(encoder.encode('archive '));
      await options.write(encoder.encode('bytes'));
    },
  };
}

function* layerPaths(): Generator<LayerPath> {
  yield { kind: 'A', path: bytesOf('/etc/naïve') };
  yield { kind: 'M', path: bytesOf('/etc/new\nline') };
  yield { kind: 'D', path: bytesOf('/gone') };
}

function findCache(name: string): CacheSummary {
  const found = cacheRows.find(({ id, key }) => id === name || key.startsWith(name));
  if (found === undefined) throw new Fault('not-found', `no such cache mount: ${name}`);
  return found;
}

function fakeCaches(calls: Call[]): Engine['caches'] {
  return {
    list: async () => cacheRows,
    export: async (name, { write }) => {
      findCache(name);
      await write(encoder.encode('the '));
      await write(encoder.encode('tar'));
    },
    import: async (name, tar) => {
      const pieces = await Array.fromAsync(tar);
      calls.push(['importCache', name, Buffer.concat(pieces).toString()]);
      return { ...plainCache, id: name };
    },
    remove: async (name) => {
      const cache = findCache(name);
      calls.push(['removeCache', name]);
      if (cache.isInUse) {
        const hint = 'wait until the build has ended';
        throw new Fault('conflict', `remove cache mount ${cache.id}: it is in use`, { hint });
      }
      return cache;
    },
  };
}

const contextRows: readonly ContextRow[] = [
  { path: bytesOf('Dockerfile'), type: 'file', sizeBytes: 120, rule: undefined },
  { path: bytesOf('src'), type: 'dir', sizeBytes: 0, rule: undefined },
  { path: '\xff\n.bin' as ContextRow['path'], type: 'file', sizeBytes: 4_200_000, rule: undefined },
  { path: bytesOf('link'), type: 'symlink', sizeBytes: 0, rule: undefined },
  {
    path: bytesOf('logs/keep.log'),
    type: 'file',
    sizeBytes: 7,
    rule: { file: '.dockerignore', line: 5, text: '!logs/keep.log' },
  },
  {
    path: bytesOf('node_modules/'),
    type: 'dir',
    sizeBytes: 0,
    rule: { file: '.dockerignore', line: 3, text: 'node_modules' },
  },
  {
    path: bytesOf('logs/today.log'),
    type: 'file',
    sizeBytes: 61_300,
    rule: { file: '.dockerignore', line: 4, text: '**/*.log' },
  },
];

const plainCache: CacheSummary = {
  id: '/var/cache/apt',
  key: '3f5a0c9e17bb42d08f1e6a5b9c0d7e21',
  sizeBytes: 61_300_000,
  created: '2026-11-21T15:11:48.000Z',
  lastUsed: '2026-11-23T15:31:48.000Z',
  uses: 12,
  isInUse: false,
  sharing: 'locked',
  folderCount: 1,
  uid: 0,
  gid: 0,
  mode: 0o755,
};

const cacheRows: readonly CacheSummary[] = [
  { ...plainCache, id: '/root/.cache/go-build', key: `a1${'0'.repeat(30)}`, isInUse: true, sharing: 'shared' },
  plainCache,
  {
    ...plainCache,
    id: `a rather long id that nobody would think of\n\u001b[31m${'x'.repeat(40)}`,
    key: `b2${'7'.repeat(30)}`,
    sizeBytes: 0,
    lastUsed: undefined,
    uses: 0,
    sharing: undefined,
    uid: 1000,
    mode: 0o700,
  },
];

function fakeSystem(calls: Call[]): Engine['system'] {
  return {
    prune: async (options) => {
      calls.push(['prune', plain(options)]);
      return {
        deleted: [
          { kind: 'layer', name: 'sha256:8ee1', sizeBytes: 2_000_000 },
          { kind: 'cache', name: 'RUN make', sizeBytes: 512 },
        ],
        reclaimedBytes: 2_000_512,
      };
    },
    df: async () => [
      { kind: 'image', total: 3, active: 1, sizeBytes: 166_000_000, reclaimableBytes: 164_000_000 },
      { kind: 'cache', total: 12, active: 0, sizeBytes: 0, reclaimableBytes: 0 },
      { kind: 'cache-mount', total: 2, active: 1, sizeBytes: 5_000_000, reclaimableBytes: 2_000_000 },
    ],
    check: async (options) => {
      calls.push(['check', plain(options)]);
      options.onProgress(1, 1);
      return {
        findings: [
          { severity: 'error', message: 'layer sha256:8ee1: content hashes to sha256:0000', repaired: options.repair },
          { severity: 'leftover', message: 'work 17: its owner is gone', repaired: options.repair },
        ],
        checked: { layers: 2, blobs: 5, images: 3 },
      };
    },
    info: async () => ({
      version: '0.1.0',
      root: '/var/lib/varve',
      runRoot: '/run/varve',
      snapshotter: { kind: 'erofs', reason: 'the kernel mounts EROFS from plain files' },
      runtime: {
        name: 'runc',
        path: '/usr/bin/runc',
        version: '1.1.5',
        passedOver: [{ name: 'crun', reason: 'crun is not installed' }],
      },
      kernel: '6.18.44',
      operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
      architecture: 'x86_64',
      cpus: 2,
      memoryBytes: 25_275_000_000,
      cgroup: 'hybrid',
      images: 3,
      containers: { running: 1, stopped: 1 },
      warnings: ['no swap limit support'],
    }),
  };
}

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openBlobStore } from '../blob/index.ts';
import { linuxMounts } from '../host/index.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { LocalImageStore, type StoredImage } from '../image/index.ts';
import { FileLayerStore, LayerFiles, type LayerHolder } from '../layer/index.ts';
import { PastaNetworks } from '../network/index.ts';
import { encodeImageConfig, encodeManifest, mediaTypes, parseReference, type DiffId } from '../oci/index.ts';
import { openRegistryAccess } from '../registry/index.ts';
import { conmonMonitor, systemRuntimes } from '../runtime/index.ts';
import { ErofsRoots, LocalCacheMounts, OverlaySnapshotter, WorkAreas } from '../snapshot/index.ts';
import { openState } from '../state/index.ts';
import { ChildLines } from '../state/state.fixture.ts';
import { bytesOf, toBuffer } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import type { ContainerOptions } from './containers.ts';
import { LocalEngine } from './local-engine.ts';
import type { Store } from './store.ts';

/** For the tests of what stands on the engine. */
export { craftTar } from '../image/crafted-image.fixture.ts';

/** One process's view of a store in a folder of the test's own; all of it is gone at the end: `await using`. */
export interface TestStore extends AsyncDisposable {
  readonly root: string;
  readonly runRoot: string;
  readonly store: Store;
  readonly engine: LocalEngine;
  /** The time as the store sees it, in milliseconds; a test may set it. */
  nowMs: number;
  /** Opens it again, as the next process would: what was open is closed. */
  reopen(): Promise<void>;
}

export async function testStore(): Promise<TestStore> {
  const directory = temporaryDirectory('/var/tmp');
  const folders = { root: join(directory.path, 'store'), runRoot: join(directory.path, 'run') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { mode: 0o700 });
  const open = (): Store => openTestStore({ ...folders, now: () => test.nowMs });
  const test = {
    ...folders,
    nowMs: Date.now(),
    store: undefined as unknown as Store,
    engine: undefined as unknown as LocalEngine,
    reopen: async () => {
      await test.engine[Symbol.asyncDispose]();
      test.store = open();
      test.engine = new LocalEngine(test.store);
    },
    [Symbol.asyncDispose]: async () => {
      await test.engine[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
  test.store = open();
  test.engine = new LocalEngine(test.store);
  return test;
}

export interface TestStoreOptions {
  readonly root: string;
  readonly runRoot: string;
  readonly now?: () => number;
}

export function openTestStore({ root, runRoot, now = Date.now }: TestStoreOptions): Store {
  const clock = { now };
  const mounts = linuxMounts();
  const state = openState(root, { clock });
  const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock });
  const blobs = openBlobStore({ root });
  return {
    root,
    runRoot,
    state,
    layers,
    blobs,
    images: new LocalImageStore({
      blobs,
      layers,
      documents: state.images,
      platform: { os: 'linux', architecture: 'amd64' },
      durably: (body) => state.durably(body),
    }),
    mounts,
    snapshotter: new OverlaySnapshotter({ layers, mounts, roots: new ErofsRoots(layers, mounts) }),
    snapshotterReason: 'asked for by the test',
    areas: new WorkAreas({ root, runRoot, mounts }),
    cacheMounts: new LocalCacheMounts({ root, records: state.cacheMounts, locks: state.locks, clock }),
    runtimes: systemRuntimes({ runRoot, wanted: process.env['VARVE_RUNTIME'] || undefined }),
    networks: new PastaNetworks(),
    monitor: () => conmonMonitor(),
    clock,
    platform: { os: 'linux', architecture: 'amd64' },
    version: '0.0.0',
    proxies: {},
    registries: openRegistryAccess({
      HOME: root,
      XDG_RUNTIME_DIR: root,
      VARVE_REGISTRIES: join(root, 'registries.json'),
    }),
    endCommand: () => [],
  };
}

/** A layer of one file below `dir/`; without an entry for `dir` it needs what lies below. */
export function addLayer(store: Store, name: string, options: LayerFixtureOptions): DiffId {
  const { holder, content = `content of ${name}`, below = [], parents = true } = options;
  using made = store.layers.packer({ holder, below });
  if (parents) made.add(entry('dir', { type: 'dir', mode: 0o755 }));
  made.add(entry(`dir/${name}`, { size: content.length }));
  made.write(toBuffer(bytesOf(content)));
  return made.commit().diffId;
}

export interface LayerFixtureOptions {
  readonly holder: LayerHolder;
  readonly content?: string;
  readonly below?: readonly DiffId[];
  readonly parents?: boolean;
}

function entry(path: string, given: Partial<TarEntry>): TarEntry {
  return {
    path: bytesOf(path),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: { sec: 0, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    ...given,
  };
}

/** An image as a build makes it: its layers have the names of `files`. Without a name it is dangling. */
export function addImage(store: Store, name: string | undefined, files: readonly string[]): StoredImage {
  using lease = store.state.leases.acquire({ purpose: 'test' });
  const chain: DiffId[] = [];
  for (const file of files) chain.push(addLayer(store, file, { holder: lease, below: [...chain] }));
  return addImageOf(store, name, chain);
}

/** An image of layers that are held by somebody. */
export function addImageOf(store: Store, name: string | undefined, chain: readonly DiffId[]): StoredImage {
  using holder = store.state.leases.acquire({ purpose: 'test' });
  return store.images.add(configOf(chain), { names: name === undefined ? [] : [parseReference(name)], holder });
}

/** An image as a pull makes it: its layers are kept as they were transferred, too. */
export function addPulledImage(store: Store, name: string, files: readonly string[]): StoredImage {
  using holder = store.state.leases.acquire({ purpose: 'test' });
  const chain = files.map((file) => addLayer(store, file, { holder }));
  const layers = chain.map((diffId) => {
    const bytes = gzipSync(readFileSync(store.layers.tar(diffId).path));
    return { mediaType: mediaTypes.ociLayerGzip, digest: store.blobs.put(bytes, { holder }), size: bytes.length };
  });
  const configBytes = encodeImageConfig(configOf(chain));
  const config = {
    mediaType: mediaTypes.ociConfig,
    digest: store.blobs.put(configBytes, { holder }),
    size: configBytes.length,
  };
  const manifest = encodeManifest({ kind: 'image', mediaType: mediaTypes.ociManifest, config, layers });
  return store.images.adopt(store.blobs.put(manifest, { holder }), { names: [parseReference(name)], holder });
}

function configOf(chain: readonly DiffId[]): Parameters<typeof encodeImageConfig>[0] {
  return {
    architecture: 'amd64',
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    config: { Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: [...chain] },
    history: chain.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'test' })),
  };
}

/** A record of the build cache for a step that ended with `chain`. */
export function addCacheRecord(store: Store, label: string, chain: readonly DiffId[]): void {
  store.state.cache.put({
    definitionKey: `definition of ${label}`,
    contentKey: `content of ${label}`,
    lineage: `lineage of ${label}`,
    contentId: `id of ${label}`,
    slot: label,
    label,
    result: JSON.stringify(chain),
    preimage: `preimage of ${label}`,
    preimageBytes: Buffer.from(label),
    digests: chain,
  });
}

export const containerDefaults: Omit<ContainerOptions, 'image' | 'signal'> = {
  command: [],
  env: [],
  volumes: [],
  network: 'host',
  readOnly: false,
  tty: false,
  interactive: false,
  autoRemove: false,
  init: false,
  privileged: false,
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  labels: new Map(),
  pull: 'never',
  onProgress: () => {},
};

/**
 * A process of its own in which `body` runs: JavaScript that sees `store`, opened on the same folders, `engine` on it, all
 * of this file's functions as `fixture`, and `say(text)`, which writes one line to the test.
 */
export function storeProcess({ root, runRoot }: TestStoreOptions, body: string): ChildLines {
  const program = `
    const { writeSync } = await import('node:fs');
    const fixture = await import(${JSON.stringify(import.meta.filename)});
    const { LocalEngine } = await import(${JSON.stringify(join(import.meta.dirname, 'local-engine.ts'))});
    const store = fixture.openTestStore(${JSON.stringify({ root, runRoot })});
    const engine = new LocalEngine(store);
    const say = (text) => writeSync(1, text + '\\n');
    const forever = () => new Promise(() => setInterval(() => {}, 1000));
    ${body}
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new ChildLines(child);
}

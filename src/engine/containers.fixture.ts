import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openBlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { findExecutable, linuxMounts, Tree } from '../host/index.ts';
import { LocalImageStore } from '../image/index.ts';
import { FileLayerStore, LayerFiles, type LayerPacker } from '../layer/index.ts';
import { PastaNetworks } from '../network/index.ts';
import { parseReference, platformOfNode, type ContainerConfig, type DiffId } from '../oci/index.ts';
import { openRegistryAccess } from '../registry/index.ts';
import { conmonMonitor, systemRuntimes } from '../runtime/index.ts';
import { DirectoryRoots, LocalCacheMounts, OverlaySnapshotter, WorkAreas } from '../snapshot/index.ts';
import { openState } from '../state/index.ts';
import { bytesOf } from '../std/index.ts';
import type { TarEntry } from '../tar/index.ts';
import type { ContainerOptions, ContainerSession } from './containers.ts';
import { LocalContainers } from './local-containers.ts';
import type { Store } from './store.ts';
import { Volumes } from './volumes.ts';

const busybox = '/usr/bin/busybox';

/** Why containers cannot be run here, or false. */
export const noContainers: string | false =
  process.getuid?.() !== 0
    ? 'containers need root'
    : findExecutable('crun') === undefined && findExecutable('runc') === undefined
      ? 'neither crun nor runc is installed'
      : findExecutable('conmon') === undefined
        ? 'conmon is not installed'
        : !existsSync(busybox) && 'busybox-static is not installed';

export const never: AbortSignal = new AbortController().signal;

/** A store of its own with an image `busybox`, which checks that nothing is left over when it is disposed of. */
export class ContainerBench implements AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly containers: LocalContainers;
  readonly chain: readonly DiffId[];

  constructor() {
    this.folder = mkdtempSync('/var/tmp/varve-engine-');
    this.store = openTestStore(this.folder);
    this.containers = openContainers(this.store);
    this.chain = [this.addImage('busybox', { Cmd: ['sh'] }, addBusybox)];
  }

  /** Makes an image of one layer. */
  addImage(name: string, config: ContainerConfig, fill: (packer: LayerPacker) => void): DiffId {
    const { state, layers, images, platform } = this.store;
    using lease = state.leases.acquire({ purpose: 'test' });
    using packer = layers.packer({ holder: lease, below: [] });
    fill(packer);
    const { diffId } = packer.commit();
    const rootfs = { type: 'layers' as const, diff_ids: [diffId] };
    images.add(
      { ...platform, config, rootfs, history: [{ created_by: name }] },
      { names: [parseReference(name)], holder: lease },
    );
    return diffId;
  }

  create(command: readonly string[], changes: Partial<ContainerOptions> = {}): ReturnType<LocalContainers['create']> {
    return this.containers.create({ ...defaults, command, ...changes });
  }

  /** Runs a shell script to its end, attached. */
  async run(script: string, changes: Partial<ContainerOptions> = {}): Promise<Ended> {
    const { id } = await this.create(['sh', '-c', script], changes);
    const session = await this.containers.start(id, { attach: true, signal: never });
    return { id, ...(await outcomeOf(session)) };
  }

  /** Starts a shell script and leaves it running. */
  async runDetached(script: string, changes: Partial<ContainerOptions> = {}): Promise<string> {
    const { id } = await this.create(['sh', '-c', script], changes);
    await this.containers.start(id, { attach: false, signal: never });
    return id;
  }

  /** Another program that works on this store. */
  program(...args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [programPath, this.folder, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Nothing is left of any container. A monitor that has nothing more to do may take an instant to go. */
  async assertTidy(): Promise<void> {
    for (let tries = 0; tries < 100 && processesOf(this.store.runRoot).length > 0; tries++) await delay(50);
    assert.deepEqual(leftovers(this.store), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of this.containers.list({ all: true }))
      await this.containers.remove(id, { force: true, volumes: true });
    const { root, state } = this.store;
    const volumes = new Volumes({ root, documents: state.volumes });
    for (const { id } of state.volumes.list()) volumes.remove(id);
    await this.containers.sweep();
    try {
      await this.assertTidy();
    } finally {
      await this.store.runtimes.choose().deleteAll('');
      this.store.snapshotter[Symbol.dispose]();
      this.store.state[Symbol.dispose]();
      clear(this.store.runRoot);
      clear(this.folder);
    }
  }
}

export interface Ended {
  readonly id: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function outcomeOf(session: ContainerSession): Promise<Omit<Ended, 'id'>> {
  const texts = { stdout: '', stderr: '' };
  for await (const { stream, bytes } of session.output ?? []) texts[stream] += Buffer.from(bytes).toString('latin1');
  return { exitCode: await session.wait(), ...texts };
}

/** The store in `folder`, whose monitors call `program.fixture.ts`. */
export function openTestStore(folder: string): Store {
  const root = join(folder, 'store');
  const runRoot = join('/run', basename(folder));
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const clock = { now: () => Date.now() };
  const state = openState(root, { clock });
  const mounts = linuxMounts();
  const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock });
  const blobs = openBlobStore({ root });
  return {
    root,
    runRoot,
    state,
    blobs,
    layers,
    images: new LocalImageStore({
      blobs,
      layers,
      documents: state.images,
      platform: { os: 'linux', architecture: 'amd64' },
      durably: (body) => state.durably(body),
    }),
    mounts,
    snapshotter: new OverlaySnapshotter({ layers, mounts, roots: new DirectoryRoots(layers, root) }),
    snapshotterReason: 'asked for',
    areas: new WorkAreas({ root, runRoot, mounts }),
    cacheMounts: new LocalCacheMounts({ root, records: state.cacheMounts, locks: state.locks, clock }),
    runtimes: systemRuntimes({ runRoot, wanted: process.env['VARVE_RUNTIME'] || undefined }),
    networks: new PastaNetworks(),
    monitor: () => conmonMonitor(),
    clock,
    platform: platformOfNode('linux', process.arch),
    version: '0.0.0',
    proxies: {},
    registries: openRegistryAccess({ HOME: folder }),
    endCommand: (id) => [process.execPath, programPath, folder, 'ended', id],
  };
}

export function openContainers(store: Store): LocalContainers {
  return new LocalContainers(store, {
    ensureImage: async (name) => {
      const image = store.images.find(name);
      if (image === undefined) throw new Fault('not-found', `no such image: ${name}`);
      return image;
    },
  });
}

/** Whatever stands in a store beside its images once there are no containers. */
function leftovers({ root, runRoot, areas, runtimes, mounts, state }: Store): readonly string[] {
  const folders = ['work', 'trash', 'containers', 'volumes', 'leases'].map((name) => join(root, name));
  return [
    ...folders.filter((path) => existsSync(path)).flatMap((path) => readdirSync(path).map((name) => join(path, name))),
    ...areas.list(),
    ...runtimes.ids(),
    ...state.containers.list().map(({ id }) => id),
    ...readdirSync(join(runRoot, 'areas')),
    ...mounts.list().flatMap(({ target }) => (target.startsWith(runRoot) ? [target] : [])),
    ...processesOf(runRoot),
  ];
}

const programPath = join(import.meta.dirname, 'program.fixture.ts');

const defaults: ContainerOptions = {
  image: 'busybox',
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
  signal: never,
  onProgress: () => undefined,
};

/** Monitors and runtimes name the store in their arguments. */
function processesOf(runRoot: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map(commandLine).filter((line) => line.includes(`${runRoot}/`));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function addBusybox(packer: LayerPacker): void {
  const content = readFileSync(busybox);
  for (const path of ['bin', 'data', 'tmp']) packer.add(entry(path, { type: 'dir', mode: 0o755 }));
  packer.add(entry('bin/busybox', { size: content.length, mode: 0o755 }));
  packer.write(content);
  for (const name of applets) packer.add(entry(`bin/${name}`, { type: 'symlink', link: bytesOf('busybox') }));
  for (const [path, text] of [
    ['data/kept', 'kept\n'],
    ['data/gone', 'gone\n'],
  ] as const) {
    packer.add(entry(path, { size: text.length, mode: 0o640, uid: 7, gid: 8 }));
    packer.write(Buffer.from(text));
  }
}

const applets =
  'sh cat chmod echo env hostname id ln ls mkdir mknod mkfifo mv ps rm sleep sync touch trap true tty'.split(' ');

export function entry(path: string, changes: Partial<TarEntry> = {}): TarEntry {
  const nothing = { uid: 0, gid: 0, size: 0, devMajor: 0, devMinor: 0, xattrs: new Map() };
  const mtime = { sec: 1_600_000_000, nsec: 0 };
  return { path: bytesOf(path), type: 'file', mode: 0o644, mtime, link: bytesOf(''), ...nothing, ...changes };
}

/** Also what a failed test has left mounted. */
function clear(folder: string): void {
  const mounts = linuxMounts();
  const inside = mounts.list().filter(({ target }) => target.startsWith(`${folder}/`));
  for (const { target } of inside.toReversed()) mounts.unmount(target, { detach: true });
  using parent = Tree.open(dirname(folder));
  parent.remove(bytesOf(basename(folder)));
}

import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { openBlobStore } from './blob/index.ts';
import { LocalEngine, type Engine } from './engine/index.ts';
import { Fault } from './errors/index.ts';
import { fileSystemOf, linuxMounts, machineFacts, makeFolders, privileges, type Mounts } from './host/index.ts';
import { proxySettings } from './http/index.ts';
import { LocalImageStore } from './image/index.ts';
import { FileLayerStore, LayerFiles, type LayerStore } from './layer/index.ts';
import { PastaNetworks } from './network/index.ts';
import { platformOfNode } from './oci/index.ts';
import { openRegistryAccess } from './registry/index.ts';
import { conmonMonitor, systemRuntimes } from './runtime/index.ts';
import {
  DirectoryRoots,
  ErofsRoots,
  LocalCacheMounts,
  OverlaySnapshotter,
  probeErofs,
  WorkAreas,
  type ErofsProbe,
  type LayerRoots,
} from './snapshot/index.ts';
import { openState } from './state/index.ts';
import { once } from './std/index.ts';

export type { Engine } from './engine/index.ts';

export interface OpenOptions {
  /** The store; `VARVE_ROOT`, else `/var/lib/varve`. */
  readonly root?: string;
  /** What lives until the next boot; `VARVE_RUN_ROOT`, else `/run/varve`. */
  readonly runRoot?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What runs containers: `crun`, `runc` or the path of one; `VARVE_RUNTIME`, else the best that works here. */
  readonly runtime?: string;
  /** How layers are mounted; what the machine can do best is found out where it is left out. */
  readonly snapshotter?: 'erofs' | 'directory';
  /** Program and arguments that start this program again; without it containers are tidied by the next command. */
  readonly program?: readonly string[];
}

/**
 * Opens the store, which is made where it is missing: the one place that picks implementations.
 *
 * Fault `denied` without root, `unsupported` for a folder on a filesystem that cannot hold a store.
 */
export async function open(options: OpenOptions): Promise<Engine> {
  requireRoot();
  const root = folder(options.root ?? named(options.env['VARVE_ROOT']) ?? '/var/lib/varve');
  const runBase = options.runRoot ?? named(options.env['VARVE_RUN_ROOT']) ?? '/run/varve';
  const runRoot = folder(join(resolve(runBase), storeId(root)));
  requireUsableFileSystem(root);
  const clock = { now: () => Date.now() };
  const mounts = linuxMounts();
  const state = openState(root, { clock });
  const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock });
  const blobs = openBlobStore({ root });
  const platform = platformOfNode('linux', machineFacts().architecture);
  const images = new LocalImageStore({
    blobs,
    layers,
    documents: state.images,
    platform,
    durably: (body) => state.durably(body),
  });
  const { roots, reason } = chooseRoots({ root, runRoot, layers, mounts, wanted: options.snapshotter });
  const { program = [] } = options;
  return new LocalEngine({
    root,
    runRoot,
    state,
    blobs,
    layers,
    images,
    mounts,
    snapshotter: new OverlaySnapshotter({ layers, mounts, roots }),
    snapshotterReason: reason,
    areas: new WorkAreas({ root, runRoot, mounts }),
    cacheMounts: new LocalCacheMounts({ root, records: state.cacheMounts, locks: state.locks, clock }),
    runtimes: systemRuntimes({ runRoot, wanted: options.runtime ?? named(options.env['VARVE_RUNTIME']) }),
    networks: new PastaNetworks(),
    monitor: once(() => conmonMonitor()),
    clock,
    platform,
    version: packageJson.version,
    proxies: proxySettings(options.env),
    registries: openRegistryAccess(options.env),
    endCommand: (id) =>
      program.length === 0 ? [] : [...program, '--root', root, '--run-root', runBase, 'container-ended', id],
  });
}

/** An empty variable is one that is not set. */
function named(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function requireRoot(): void {
  if (privileges().euid === 0) return;
  throw new Fault('denied', 'open the store: varve needs root to mount layers and run containers', {
    hint: 'run it with sudo',
  });
}

function folder(path: string): string {
  try {
    makeFolders(path, 0o700);
    return realpathSync(path);
  } catch (error) {
    throw Fault.wrap('open the store', error);
  }
}

/** Names the store in the volatile folder, where others may have theirs too. */
function storeId(root: string): string {
  return createHash('sha256').update(root).digest('hex').slice(0, 12);
}

/** Overlayfs cannot keep what it hides on another overlayfs; network filesystems keep no attributes for it. */
function requireUsableFileSystem(root: string): void {
  const { type } = fileSystemOf(root);
  if (!['overlay', 'nfs', 'cifs', 'fuse', 'vfat', 'exfat'].includes(type)) return;
  throw new Fault('unsupported', `open the store ${root}: it is on ${type}, which cannot hold writable layers`, {
    hint: 'choose a folder on ext4, xfs or btrfs with --root or VARVE_ROOT',
  });
}

interface Choice {
  readonly root: string;
  readonly runRoot: string;
  readonly layers: LayerStore;
  readonly mounts: Mounts;
  readonly wanted: 'erofs' | 'directory' | undefined;
}

function chooseRoots(choice: Choice): { readonly roots: LayerRoots; readonly reason: string } {
  const { root, layers, mounts, wanted } = choice;
  if (wanted === 'directory') return { roots: new DirectoryRoots(layers, root), reason: 'asked for' };
  const probe = knownProbe(choice);
  if (probe.supported) return { roots: new ErofsRoots(layers, mounts), reason: probe.reason };
  if (wanted === 'erofs') throw new Fault('unsupported', `mount layers with EROFS: ${probe.reason}`);
  return { roots: new DirectoryRoots(layers, root), reason: probe.reason };
}

/** What was found out once holds until the next boot: the volatile folder remembers it. */
function knownProbe({ root, runRoot, mounts }: Choice): ErofsProbe {
  const path = join(runRoot, 'erofs.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ErofsProbe;
  } catch {
    const probe = probeErofs(join(root, 'ingest', `probe-${process.pid}`), mounts);
    writeFileSync(path, JSON.stringify(probe), { mode: 0o600 });
    return probe;
  }
}

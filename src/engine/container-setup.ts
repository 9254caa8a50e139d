import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders, Tree } from '../host/index.ts';
import {
  mountTargets,
  openBindSource,
  prepareMountpoints,
  removeStubs,
  writeBundle,
  type BindSource,
  type ContainerMount,
  type MountStub,
  type SeccompFilter,
} from '../runtime/index.ts';
import { bytesOf } from '../std/index.ts';
import { makeBindFolder, specOf } from './container-bundle.ts';
import type { ContainerPlace, StoredContainer } from './container-directory.ts';
import { cachedSeccomp } from './seccomp-cache.ts';
import type { LoadSeccomp } from './security-options.ts';
import type { Store } from './store.ts';
import type { Volumes } from './volumes.ts';

/**
 * What stands only while a container runs: its mounted root filesystem with the places for further mounts made in it,
 * the sources of its binds, its bundle. All of it can be taken down again from the start, by whoever comes after one that
 * was killed.
 */
export class ContainerSetup {
  readonly #store: Store;
  readonly #volumes: Volumes;

  constructor(store: Store, volumes: Volumes) {
    this.#store = store;
    this.#volumes = volumes;
  }

  /** Puts up all of it. Gives the sources of binds, to be closed once the container has them. */
  async putUp({ id, record }: StoredContainer, place: ContainerPlace, signal: AbortSignal): Promise<BindSource[]> {
    mkdirSync(place.folder, { recursive: true, mode: 0o700 });
    this.#store.areas.lasting(id);
    this.#store.snapshotter.writable(record.chain, { ...place, volatile: record.settings.autoRemove });
    using rootfs = Tree.open(place.target);
    const sources: BindSource[] = [];
    const mounts: ContainerMount[] = [];
    for (const mount of record.mounts) {
      if (mount.kind === 'volume') await this.#volumes.fill(mount.name, rootfs, { path: mount.target, signal });
      const path = mount.kind === 'volume' ? this.#volumes.dataPath(mount.name) : madeSource(mount.source);
      const opened = openBindSource(path, {
        mounts: this.#store.mounts,
        place: join(makeBindFolder(place), String(sources.length)),
      });
      sources.push(opened);
      mounts.push({ kind: 'bind', source: opened.source, destination: mount.target, readonly: mount.readonly });
    }
    const spec = specOf(record, { place, rootfs, mounts, loadSeccomp: (target) => this.#seccomp(target) });
    writeBundle(place.bundle, spec);
    const stubs = prepareMountpoints(rootfs, mountTargets(spec));
    writeFileSync(`${place.stubsPath}.new`, JSON.stringify(stubs), { mode: 0o600 });
    renameSync(`${place.stubsPath}.new`, place.stubsPath);
    return sources;
  }

  /** Takes all of it away, whatever of it stands. */
  takeDown(place: ContainerPlace): void {
    this.#removeStubs(place);
    this.#store.areas.unmount(place.id);
    this.closeBinds(place);
    rmSync(place.bundle, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }

  /** Unmounts the sources of binds that a start which was cut short has left. */
  closeBinds({ bundle }: ContainerPlace): void {
    const folder = join(bundle, 'binds');
    if (!existsSync(folder)) return;
    const { mounts } = this.#store;
    const left = mounts.list().filter((mount) => mount.target.startsWith(`${bytesOf(folder)}/`));
    for (const mount of left.toReversed()) mounts.unmount(mount.target, { detach: true });
  }

  #seccomp(target: Parameters<LoadSeccomp>[0]): SeccompFilter {
    const { platform, runRoot, version } = this.#store;
    const folder = join(runRoot, 'seccomp');
    return cachedSeccomp({ architecture: platform.architecture, ...target }, { folder, version });
  }

  #removeStubs(place: ContainerPlace): void {
    const stubs = readStubs(place);
    if (stubs.length === 0 || !this.#store.areas.isMounted(place.id)) return;
    using rootfs = Tree.open(place.target);
    removeStubs(rootfs, stubs);
  }
}

/** True once it was started, for as long as it exists. */
export function hasWritableLayer({ workDir }: ContainerPlace): boolean {
  return existsSync(join(workDir, 'upper'));
}

/** The mount places that stand in a running container; none where it does not run. */
export function readStubs({ stubsPath }: ContainerPlace): readonly MountStub[] {
  if (!existsSync(stubsPath)) return [];
  return JSON.parse(readFileSync(stubsPath, 'utf8')) as readonly MountStub[];
}

/** Docker makes a folder where there is nothing to bind. */
function madeSource(path: string): string {
  if (!existsSync(path)) makeFolders(path);
  return path;
}

import { mkdirSync, chmodSync, chownSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../errors/index.ts';
import { Tree, type Mounts } from '../../host/index.ts';
import type { ContainerMount } from '../../runtime/index.ts';
import {
  copyRootStatus,
  copyTree,
  type CacheMounts,
  type CacheMountUse,
  type Snapshotter,
  type WorkArea,
} from '../../snapshot/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import { checkAgent, forwardAgent } from './ssh-forward.ts';
import { startAgent } from './ssh-agent.ts';
import type { StepContent, StepMount } from './step-mount.ts';

export interface StepMountsOptions {
  readonly area: WorkArea;
  readonly snapshotter: Snapshotter;
  readonly mounts: Mounts;
  readonly cacheMounts: CacheMounts;
  /** A folder in memory that only we can enter: given where there is a secret or an agent. */
  readonly privateFolder: string | undefined;
  readonly signal: AbortSignal;
}

type Of<K extends StepMount['kind']> = Extract<StepMount, { readonly kind: K }>;

/**
 * What the mounts of a step are on the host while it runs: views of other stages attached in its area, folders of caches,
 * files in memory, sockets. Disposed of, all of it is gone but the caches; of a process that was killed, the area's next owner
 * unmounts it.
 */
export class StepMounts implements AsyncDisposable {
  readonly #options: StepMountsOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #caches = new Map<string, CacheMountUse>();
  readonly #placed = new Map<StepMount, ContainerMount>();
  #folders = 0;

  private constructor(options: StepMountsOptions) {
    this.#options = options;
  }

  static async place(mounts: readonly StepMount[], options: StepMountsOptions): Promise<StepMounts> {
    const placed = new StepMounts(options);
    try {
      // In one order, so that two steps that lock the same caches never wait for each other; and before all else, as it may take long.
      const caches = mounts.filter((mount) => mount.kind === 'cache');
      for (const mount of caches.toSorted((a, b) => compare(a.id, b.id))) await placed.#add(mount);
      for (const mount of mounts.filter((each) => each.kind !== 'cache')) await placed.#add(mount);
      return placed;
    } catch (error) {
      await placed[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** In the order that was asked for. */
  of(mounts: readonly StepMount[]): readonly ContainerMount[] {
    return mounts.flatMap((mount) => this.#placed.get(mount) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #add(mount: StepMount): Promise<void> {
    this.#placed.set(mount, await this.#place(mount));
  }

  async #place(mount: StepMount): Promise<ContainerMount> {
    const { target: destination } = mount;
    switch (mount.kind) {
      case 'bind':
        return { kind: 'bind', source: this.#content(mount), destination, readonly: mount.readOnly };
      case 'cache':
        return { kind: 'bind', source: await this.#cache(mount), destination, readonly: mount.readOnly };
      case 'tmpfs': {
        const size = mount.sizeBytes === undefined ? {} : { sizeBytes: mount.sizeBytes };
        return { kind: 'tmpfs', destination, readonly: mount.readOnly, exec: true, ...size };
      }
      case 'secret':
        return { kind: 'bind', source: this.#secret(mount), destination, readonly: true };
      case 'ssh':
        return { kind: 'bind', source: await this.#agent(mount), destination };
    }
  }

  /** The content's view, and from it just what was asked for, as a mount of its own. */
  #content({ content, readOnly, target }: Of<'bind'>): string {
    const folder = this.#folder();
    using tree = this.#openView(content, { folder, readOnly });
    const place = tree.resolve(bytesOf(content.path));
    const type = place === '' ? 'dir' : tree.stat(place)?.type;
    if (type === undefined) throw missing(target);
    if (type !== 'dir' && type !== 'file') {
      throw new Fault('unsupported', `mount on ${target}: it is neither a file nor a directory`);
    }
    return this.#bind(tree, { place, type, target: join(folder, 'place') });
  }

  #bind(tree: Tree, { place, type, target }: BindPlace): string {
    const { mounts } = this.#options;
    if (type === 'dir') mkdirSync(target);
    else closeSync(openSync(target, 'wx', 0o600));
    using stack = new DisposableStack();
    const fd =
      type === 'dir'
        ? stack.use(tree.openTree(place)).fd
        : stack.adopt(tree.openFile(place, { follow: false }), closeSync);
    mounts.attach(stack.use(mounts.bind(fd)), target);
    this.#stack.defer(() => mounts.unmount(target, { detach: true }));
    return target;
  }

  #openView({ chain }: StepContent, { folder, readOnly }: { folder: string; readOnly: boolean }): Tree {
    const { snapshotter, area } = this.#options;
    const target = join(folder, 'view');
    mkdirSync(target);
    const workDir = join(area.workDir, 'mounts', String(this.#folders));
    const view = readOnly
      ? snapshotter.view(chain, target)
      : snapshotter.writable(chain, { workDir, target, volatile: true });
    this.#stack.use(view);
    return Tree.open(view.path);
  }

  /** A cache that a step mounts twice is one. */
  async #cache(mount: Of<'cache'>): Promise<string> {
    const { cacheMounts, signal } = this.#options;
    const { id, uid, gid, mode, sharing, seed } = mount;
    const identity = { id, uid, gid, mode, ...(seed === undefined ? {} : { scope: seed.name }) };
    const key = JSON.stringify(identity);
    const known = this.#caches.get(key);
    if (known !== undefined) return known.path;
    const fill = seed === undefined ? {} : { fill: (folder: Tree): void => this.#fill(folder, seed) };
    const use = this.#stack.use(await cacheMounts.acquire({ ...identity, sharing, signal, ...fill }));
    this.#caches.set(key, use);
    return use.path;
  }

  #fill(folder: Tree, seed: StepContent): void {
    using view = this.#openView(seed, { folder: this.#folder(), readOnly: true });
    const place = view.resolve(bytesOf(seed.path));
    const type = place === '' ? 'dir' : view.stat(place)?.type;
    if (type === undefined) throw missing(seed.path);
    if (type !== 'dir') throw new Fault('invalid', `begin a cache with ${seed.path}: it is not a directory`);
    using from = view.openTree(place);
    copyTree(from, folder);
    copyRootStatus(from, folder);
  }

  #secret({ content, uid, gid, mode }: Of<'secret'>): string {
    const path = join(this.#private(), `secret-${this.#placed.size}`);
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  }

  async #agent({ source, uid, gid, mode }: Of<'ssh'>): Promise<string> {
    const { signal } = this.#options;
    const folder = join(this.#private(), `ssh-${this.#placed.size}`);
    mkdirSync(folder, { mode: 0o700 });
    const agent =
      source.kind === 'socket'
        ? source.path
        : this.#stack.use(await startAgent(source.paths, { folder, signal })).socket;
    await checkAgent(agent);
    return this.#stack.use(await forwardAgent(agent, { folder, name: 'socket', uid, gid, mode })).socket;
  }

  #private(): string {
    const { privateFolder } = this.#options;
    if (privateFolder === undefined) throw new Fault('internal', 'mount a secret: there is no private folder');
    return privateFolder;
  }

  #folder(): string {
    const folder = join(this.#options.area.bundle, 'mounts', String((this.#folders += 1)));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}

interface BindPlace {
  readonly place: ByteString;
  readonly type: 'dir' | 'file';
  readonly target: string;
}

function missing(place: string): Fault {
  return new Fault('not-found', `mount on ${place}: there is no such file or directory`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

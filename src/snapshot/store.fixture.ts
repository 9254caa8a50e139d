import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { walkMounted, type Seen } from '../erofs/mounted-tree.fixture.ts';
import { makeTar, type Member } from '../erofs/layer.fixture.ts';
import { linuxMounts, type Mounts } from '../host/index.ts';
import { FileLayerStore, FileReader, LayerFiles, type LayerStore, type PackedLayer } from '../layer/index.ts';
import type { DiffId } from '../oci/index.ts';
import { openState } from '../state/index.ts';
import { scanTar, type TarEntry } from '../tar/index.ts';
import { DirectoryRoots, ErofsRoots, OverlaySnapshotter, packAtOnce, WorkAreas } from './index.ts';
import type { PackReport, Snapshotter, TreeChange } from './index.ts';

export type SnapshotterKind = 'erofs' | 'directory';

/** Why tests with mounts are left out, or false. */
export const skip: string | false = process.getuid?.() === 0 ? false : 'mounting layers needs root';

/** What a change of a writable view came to. */
export interface Step {
  /** With the new layer on top. */
  readonly chain: readonly DiffId[];
  readonly layer: PackedLayer;
  readonly report: PackReport;
  readonly changes: readonly TreeChange[];
  /** The writable view as it was at the end. */
  readonly seen: ReadonlyMap<string, Seen>;
}

export interface StepOptions {
  /** A path whose change nothing tells of, so that the layer cannot show it. */
  readonly untold?: string;
  /**
   * Links may be parted: overlayfs parts a name from the others of a lower file when it copies it up. Where nothing else
   * was changed they stay together in the layer.
   */
  readonly parted?: boolean;
  /** False: the new chain is not looked at. */
  readonly compare?: boolean;
}

/**
 * A store of a test's own on a real filesystem, gone at its end: `using`. Its end fails where mounts, work, unfinished
 * files or open descriptors are left.
 */
export class TestStore implements Disposable {
  readonly root: string = mkdtempSync('/var/tmp/varve-snapshot-');
  readonly runRoot: string = join(this.root, 'run');
  readonly mounts: Mounts = linuxMounts();
  readonly layers: LayerStore;
  readonly areas: WorkAreas;
  readonly snapshotter: Snapshotter;
  readonly #state = openState(this.root);

  constructor(kind: SnapshotterKind) {
    const { root, runRoot, mounts } = this;
    const files = new LayerFiles(root);
    this.layers = new FileLayerStore({ files, records: this.#state.layers, clock: { now: () => 0 } });
    this.areas = new WorkAreas({ root, runRoot, mounts });
    this.snapshotter = this.as(kind);
  }

  /** A snapshotter of this kind over the same store. */
  as(kind: SnapshotterKind): Snapshotter {
    const { layers, mounts, root } = this;
    const roots = kind === 'erofs' ? new ErofsRoots(layers, mounts) : new DirectoryRoots(layers, root);
    return new OverlaySnapshotter({ layers, mounts, roots });
  }

  /** Stores a tar as a pull would. */
  put(members: readonly Member[]): DiffId {
    using writer = this.layers.writer({ holder });
    writer.write(makeTar(members));
    return writer.commit().diffId;
  }

  /**
   * Changes a writable view of `chain` and stores the difference. Fails where the new chain does not show what the view
   * showed.
   */
  step(chain: readonly DiffId[], change: (path: string) => void, options: StepOptions = {}): Step {
    using area = this.areas.temporary('step');
    const { workDir, target } = area;
    const seen = this.#changed(chain, { workDir, target, change });
    const changes = this.snapshotter.changes(chain, workDir);
    using packer = this.layers.packer({ holder, below: chain });
    const report = packAtOnce(this.snapshotter.pack(chain, workDir, packer));
    const layer = packer.commit();
    const step = { chain: [...chain, layer.diffId], layer, report, changes, seen };
    if (options.compare !== false) this.#compare(step, options);
    return step;
  }

  /** What a read-only view of `chain` shows, by path; the root is ''. */
  look(chain: readonly DiffId[]): ReadonlyMap<string, Seen> {
    return this.view(chain, walkMounted);
  }

  /** Uses a read-only view of `chain`. */
  view<T>(chain: readonly DiffId[], use: (path: string) => T): T {
    using area = this.areas.temporary('view');
    using view = this.snapshotter.view(chain, area.target);
    return use(view.path);
  }

  /** The entries of a layer's tar. */
  entries(diffId: DiffId): readonly TarEntry[] {
    using tar = new FileReader(this.layers.tar(diffId).path);
    const entries: TarEntry[] = [];
    scanTar({ size: tar.sizeBytes, read: tar.read }, { entry: (entry) => void entries.push(entry) });
    return entries;
  }

  /** The paths of a layer's tar, as bytes. */
  paths(diffId: DiffId): readonly string[] {
    return this.entries(diffId).map(({ path }) => path);
  }

  [Symbol.dispose](): void {
    this.snapshotter[Symbol.dispose]();
    this.#state[Symbol.dispose]();
    const left = { mounts: this.#mounted(), areas: this.areas.list(), unfinished: this.#unfinished() };
    for (const target of left.mounts.toReversed()) this.mounts.unmount(target, { detach: true });
    this.areas.emptyTrash();
    const trash = readdirSync(join(this.root, 'trash'));
    rmSync(this.root, { recursive: true, force: true });
    assert.deepEqual({ ...left, trash, open: this.#open() }, nothingLeft);
  }

  #changed(
    chain: readonly DiffId[],
    { workDir, target, change }: { readonly workDir: string; readonly target: string; change: (path: string) => void },
  ): ReadonlyMap<string, Seen> {
    using view = this.snapshotter.writable(chain, { workDir, target, volatile: true });
    change(view.path);
    return walkMounted(view.path);
  }

  #compare({ chain, seen }: Step, options: StepOptions): void {
    const shown = new Map(this.look(chain));
    if (options.untold !== undefined) shown.set(options.untold, seen.get(options.untold) as Seen);
    assert.deepEqual(comparable(shown, options), comparable(seen, options), 'the layers show what the view showed');
  }

  #mounted(): readonly string[] {
    return this.mounts
      .list()
      .map(({ target }) => target as string)
      .filter((target) => target.startsWith(this.root));
  }

  #unfinished(): readonly string[] {
    return [...readdirSync(join(this.root, 'ingest')), ...readdirSync(join(this.root, 'work'))];
  }

  /** What this process still has open of the store. */
  #open(): readonly string[] {
    const links = readdirSync('/proc/self/fd').map((fd) => readlinkOrNothing(`/proc/self/fd/${fd}`));
    return links.filter((link) => link.startsWith(this.root));
  }
}

const nothingLeft = { mounts: [], areas: [], unfinished: [], trash: [], open: [] };

export const holder = { add: (): void => undefined };

/**
 * What a layer keeps of a tree. A directory that is the same but for its time is not written; sockets cannot be. A file
 * whose other names are gone is a file with one name, whatever its layer says of their number.
 */
function comparable(seen: ReadonlyMap<string, Seen>, { parted }: StepOptions): Record<string, Seen> {
  const kept = [...seen].filter(([, { type }]) => type !== 'unknown');
  const linked = new Set(kept.filter(([path, { same }]) => same !== '' && same !== path).map(([, { same }]) => same));
  return Object.fromEntries(
    kept.map(([path, one]) => {
      const mtimeNs = one.type === 'dir' ? 0n : one.mtimeNs;
      return [path, { ...one, nlink: 0, mtimeNs, same: linked.has(one.same) && parted !== true ? one.same : '' }];
    }),
  );
}

function readlinkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeTar, type Member } from '../erofs/layer.fixture.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import type { DiffId } from '../oci/index.ts';
import { openState, type State } from '../state/index.ts';
import { FileLayerStore, LayerFiles, type LayerStore } from './index.ts';

/** A layer store of a test's own: `using`. Its end fails where unfinished files or open descriptors are left. */
export class TestLayers implements Disposable {
  readonly root: string;
  readonly store: LayerStore;
  readonly state: State;
  readonly files: LayerFiles;
  readonly #folder = temporaryDirectory('/var/tmp');

  /** `prepare` says where in the folder the store is, and mounts there what it is to be on. */
  constructor(prepare: (folder: string) => string = (folder) => folder) {
    this.root = prepare(this.#folder.path);
    mkdirSync(join(this.root, 'database'), { recursive: true });
    this.state = openState(join(this.root, 'database'));
    this.files = new LayerFiles(this.root);
    this.store = this.reopen();
  }

  /** The same store as another process, or a later one, has it. */
  reopen(): LayerStore {
    return new FileLayerStore({ files: this.files, records: this.state.layers, clock: { now: () => 0 } });
  }

  /** Stores a layer as a pull would, or as a step on `below`. */
  put(members: readonly Member[], below?: readonly DiffId[]): DiffId {
    return this.putTar(makeTar(members), below);
  }

  putTar(tar: Uint8Array, below?: readonly DiffId[]): DiffId {
    using writer = this.store.writer(below === undefined ? { holder } : { holder, below });
    writer.write(tar);
    return writer.commit().diffId;
  }

  /** The names in the folder of the layers, sorted. */
  names(): readonly string[] {
    return readdirSync(this.files.folder).toSorted();
  }

  /** As after a restart of the machine, in which nobody had made the layer durable. */
  restart(diffId: DiffId): LayerStore {
    const record = this.state.layers.get(diffId);
    if (record !== undefined) this.state.layers.put({ ...record, bootId: 'another boot' });
    return this.reopen();
  }

  [Symbol.dispose](): void {
    using _folder = this.#folder;
    this.state[Symbol.dispose]();
    const unfinished = readdirSync(join(this.root, 'ingest'));
    assert.deepEqual({ unfinished, open: openBelow(this.root) }, { unfinished: [], open: [] });
  }
}

export const holder = { add: (): void => undefined };

function openBelow(root: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map(linkOf)
    .filter((path) => path.startsWith(root));
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

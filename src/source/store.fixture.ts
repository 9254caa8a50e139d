import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobStore, type BlobHolder, type BlobStore } from '../blob/index.ts';
import { openState, type State } from '../state/index.ts';
import { openRemoteSources } from './open-remote-sources.ts';
import type { RemoteSources } from './remote-sources.ts';

/** A store with sources of its own, gone at the end of a test: `using`. */
export interface SourceStore extends Disposable {
  readonly root: string;
  readonly blobs: BlobStore;
  readonly state: State;
  readonly sources: RemoteSources;
  /** Remembers what it was told. */
  readonly holder: BlobHolder & { readonly held: readonly string[] };
  /** Names of all files below the store that have this text in them. */
  filesWith(text: string): readonly string[];
}

export interface SourceStoreOptions {
  readonly stallMs?: number;
  readonly searchPath?: string;
}

export function sourceStore(options: SourceStoreOptions = {}): SourceStore {
  const root = mkdtempSync('/var/tmp/varve-source-');
  const blobs = openBlobStore({ root });
  const state = openState(root);
  const held: string[] = [];
  const sources = openRemoteSources({
    root,
    blobs,
    cache: state.cache,
    locks: state.locks,
    areas: folderAreas(join(root, 'work')),
    userAgent: 'varve/test',
    proxies: {},
    timeouts: { answerMs: 5000, stallMs: options.stallMs ?? 5000, minBytes: 1 },
    sleep: () => Promise.resolve(),
    ...(options.searchPath !== undefined && { searchPath: options.searchPath }),
  });
  return {
    root,
    blobs,
    state,
    sources,
    holder: { held, add: (digest) => void held.push(digest) },
    filesWith: (text) =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((path) => readFileSync(path).includes(text)),
    [Symbol.dispose]: () => {
      sources[Symbol.dispose]();
      state[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Work areas without anything to mount on. */
function folderAreas(folder: string): Parameters<typeof openRemoteSources>[0]['areas'] {
  let count = 0;
  return {
    temporary: (purpose) => {
      const workDir = join(folder, `${purpose}-${count++}`);
      return { workDir, [Symbol.dispose]: () => rmSync(workDir, { recursive: true, force: true }) };
    },
  };
}

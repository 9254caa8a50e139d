import type { BlobStore } from '../blob/index.ts';
import type { LayerHolder, LayerPacker, LayerStore } from '../layer/index.ts';
import type { DiffId, Platform, Reference } from '../oci/index.ts';
import type { ImageStore, StoredImage } from '../image/index.ts';
import type { Snapshotter, WorkAreas } from '../snapshot/index.ts';
import type { RemoteSources } from '../source/index.ts';
import type { CacheRecords, Locks, StatCache } from '../state/index.ts';
import type { Clock } from '../std/index.ts';
import type { LayerFetcher, SharedCaches } from './cache/shared-caches.ts';
import type { LayoutPlace } from './context/named-context.ts';
import type { StepRunner } from './run/step-runner.ts';

/** What a build needs of the store and the machine. */
export interface BuildPorts {
  readonly images: ImageStore;
  readonly blobs: BlobStore;
  /** Fetches an image from its registry. */
  readonly pull: (reference: Reference, options: PullBaseOptions) => Promise<StoredImage>;
  /** Brings an image from an OCI layout on this machine; it gets no name. */
  readonly pullLayout: (place: LayoutPlace, options: PullBaseOptions) => Promise<StoredImage>;
  readonly layers: LayerStore;
  /** Begins a layer on what is below: held, and with no time later than the build allows. */
  readonly packer: (below: readonly DiffId[]) => LayerPacker;
  readonly snapshotter: Snapshotter;
  readonly areas: WorkAreas;
  readonly runner: StepRunner;
  /** Keeps what each RUN wrote when it last ran; made where it is missing. */
  readonly logFolder: string;
  readonly records: CacheRecords;
  readonly stats: StatCache;
  /** Writes of many stat records at once go faster in one. */
  readonly transaction: <T>(body: () => T) => T;
  readonly locks: Locks;
  /** Shared caches; without them none can be named. */
  readonly caches?: SharedCaches;
  /** Brings what steps stand on and read from, where some of it is not here yet. */
  readonly fetcher?: LayerFetcher;
  /** Files by URL and git repositories. */
  readonly remotes: RemoteSources;
  /** Keeps what the build writes and reads until the image has its names. */
  readonly holder: LayerHolder;
  readonly clock: Clock;
  /** This machine's. */
  readonly platform: Platform;
  /** Where `xz`, `bzip2` and others are looked for. */
  readonly searchPath?: string;
}

export interface PullBaseOptions {
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

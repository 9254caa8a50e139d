import type { ByteString } from '../std/index.ts';

/**
 * The use cases about images. A name is anything that Docker takes for one: a reference (`alpine`, `host:5000/a/b:tag`,
 * `name@sha256:…`), an image ID or an unambiguous prefix of one. A name that means nothing is a `not-found` Fault
 * ("no such image: NAME").
 */
export interface Images {
  /** Fetches what is missing. Fault `not-found`, `unavailable`, `unauthenticated`, `corrupt`. */
  pull(reference: string, options: PullOptions): Promise<PullResult>;

  /**
   * Brings an image, or an index with all its members, to the registry that its name says; only what is missing there
   * travels. Layers that were pulled go out byte for byte, others compressed, and are kept so. Fault `not-found`,
   * `unavailable`, `unauthenticated`, `denied`.
   */
  push(reference: string, options: PushOptions): Promise<PushResult>;

  /** Makes an image of one layer from the tar of a root filesystem (plain, gzip or zstd), which is given or at a URL. */
  importTar(tar: AsyncIterable<Uint8Array> | URL, options: ImportOptions): Promise<{ readonly imageId: string }>;

  /**
   * Brings the images of an archive into the store, as `docker save`, `podman save` and `save` write them (plain, gzip
   * or zstd), and gives them the names that they have in it: all of them, or none. Read once, from a pipe too.
   */
  load(archive: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<readonly LoadedNames[]>;

  /**
   * Copies an image between two places, each of them a registry (`docker://NAME`), an OCI layout (`oci:DIRECTORY[:TAG]`,
   * `oci-archive:FILE[:TAG]`), an archive of Docker's format (`docker-archive:FILE[:NAME]`) or this store (`store:NAME`, or
   * a bare name). Manifests stay byte for byte where the place keeps manifests; only what is missing there travels.
   */
  copy(from: string, to: string, options: CopyOptions): Promise<CopyResult>;

  /** All images, newest first; one row for each name, `<none>` rows for images without a name. */
  list(): readonly ImageSummary[];

  /** Docker's `image inspect` shape. */
  inspect(name: string): ImageInspect;

  /** Newest first, as `docker history`. */
  history(name: string): readonly HistoryRow[];

  /** Lowest first: a row for each layer. */
  layers(name: string): readonly LayerRow[];

  /** The paths that one layer (diff ID, prefix of one, or number from 1) adds, modifies or deletes. */
  layerTree(name: string, layer: string): Iterable<LayerPath>;

  /** Gives an image one more name; a name that meant another image is moved. */
  tag(source: string, target: string): void;

  /** Drops a name, or all names of an ID. What no name needs any more is deleted by garbage collection right away. */
  remove(name: string, options: { readonly force: boolean }): readonly RemovedImage[];

  /** Writes images as one archive that other tools read. */
  save(names: readonly string[], options: SaveOptions): Promise<void>;
}

export interface PullOptions {
  /** The index with the images for all platforms, instead of the one for this machine. */
  readonly allPlatforms?: boolean;
  readonly platform?: string;
  /** False: the registry need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (event: TransferEvent) => void;
}

export interface PushOptions {
  /** The name must be that of an index; all of it is pushed, as where no platform is asked for. */
  readonly allPlatforms?: boolean;
  /** Of an index, its image for this platform alone. */
  readonly platform?: string;
  /** For layers that were not pulled. Default gzip. */
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed';
  /** gzip: 0…9, zstd: 1…22; the default of the kind where it is not given. */
  readonly compressionLevel?: number;
  /** False: the registry need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (event: PushProgress) => void;
}

/** How a push goes on, a layer at a time, by diff ID. */
export type PushProgress =
  | {
      readonly kind: 'layer';
      readonly digest: string;
      readonly state: 'preparing' | 'waiting' | 'exists' | 'done';
    }
  /** Taken over from another repository of the registry. */
  | { readonly kind: 'layer'; readonly digest: string; readonly state: 'mounted'; readonly from: string }
  | { readonly kind: 'bytes'; readonly digest: string; readonly doneBytes: number; readonly totalBytes: number };

export interface PushResult {
  /** Full reference: `docker.io/library/alpine:3.20`. */
  readonly reference: string;
  /** Of the manifest or the index, as it is there now. */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface PullResult {
  /** Full reference: `docker.io/library/alpine:3.20`. */
  readonly reference: string;
  readonly digest: string;
  readonly imageId: string;
  /** False where everything was here already. */
  readonly changed: boolean;
}

/** How a transfer goes on, a blob at a time. */
export type TransferEvent =
  | { readonly kind: 'resolved'; readonly reference: string; readonly digest: string }
  | { readonly kind: 'layer'; readonly digest: string; readonly state: 'exists' | 'waiting' | 'done' }
  | { readonly kind: 'bytes'; readonly digest: string; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly kind: 'warning'; readonly message: string };

export interface ImportOptions {
  readonly name?: string;
  readonly message?: string;
  /** Dockerfile instructions that change the config: `CMD ["sh"]`. */
  readonly changes: readonly string[];
  readonly platform?: string;
  readonly signal: AbortSignal;
}

export interface CopyOptions {
  /** The index with all that it names, instead of its image for one platform. */
  readonly all: boolean;
  readonly platform?: string;
  /**
   * For layers of the store, and of Docker's archives, that were not pulled. Without it they are packed with gzip where a
   * registry gets them, and go as they are to other places. Fault `invalid` for places whose layers stay what they are.
   */
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed';
  /** gzip: 0…9, zstd: 1…22; the default of the kind where it is not given. */
  readonly compressionLevel?: number;
  /** False: the registry that is read need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly sourceTlsVerify?: boolean;
  /** The same of the registry that is written to. */
  readonly targetTlsVerify?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (event: TransferEvent) => void;
}

export interface CopyResult {
  /** What the copy is called at its place: the digest of its manifest or index; the image ID in an archive of Docker's. */
  readonly digest: string;
  /** What the store called it before, where it came from there. */
  readonly sourceDigest: string | undefined;
  /** False where all of it was there already. */
  readonly changed: boolean;
}

export interface LoadOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (event: TransferEvent) => void;
}

export interface LoadedNames {
  /** Full references; none for an image that has no name in the archive. */
  readonly names: readonly string[];
  readonly imageId: string;
}

export interface SaveOptions {
  /** `docker` is what `docker load` takes: it holds images of one platform only. */
  readonly format: 'oci' | 'docker';
  /** Images that whoever loads the archive has: their layers are left out. */
  readonly since?: readonly string[];
  /** Takes the archive's bytes; awaited before more are written. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface ImageSummary {
  /** Familiar form, or `<none>`. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  /** `sha256:…`, the config digest. */
  readonly imageId: string;
  /** RFC 3339. */
  readonly created: string;
  /** Sum of the layers' uncompressed tars. */
  readonly sizeBytes: number;
}

/** Docker's JSON for an image (Engine API v1.47, ImageInspect). */
export type ImageInspect = Readonly<Record<string, unknown>>;

export interface HistoryRow {
  /** `sha256:…` on the newest row, `<missing>` below, as Docker. */
  readonly id: string;
  readonly created: string;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
}

export interface LayerRow {
  /** From 1, lowest first. */
  readonly number: number;
  readonly instruction: string;
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

export interface LayerPath {
  readonly kind: 'A' | 'M' | 'D';
  readonly path: ByteString;
}

export type RemovedImage = { readonly untagged: string } | { readonly deleted: string };

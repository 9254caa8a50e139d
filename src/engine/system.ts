/** Housekeeping: the use cases about the store as a whole. */
export interface System {
  /**
   * Deletes what nothing needs: containers that do not run, dangling images, cache that nothing shares, unused layers and
   * blobs, left-over work. `all`: every image without a container, the whole cache, what its steps wrote, the cache mounts
   * that no step has now. What living leases cover stays. Fault `conflict` while there are names that the database has
   * lost.
   */
  prune(options: PruneOptions): Promise<PruneReport>;

  /**
   * Where the space went, a row a kind. Each byte is in one row: a layer or blob is counted with the images if one needs
   * it, else with the cache, else by itself. What containers and leases need is not reclaimable.
   */
  df(): Promise<readonly UsageRow[]>;

  /**
   * Re-hashes layers and blobs, checks the closure of every image, finds left-overs; repairs where asked: what is damaged
   * is made again where the store has what it takes, else dropped. To be the first call on a store whose database may be
   * damaged: a repair replaces that, and cannot while this process has it open (Fault `conflict`).
   */
  check(options: CheckOptions): Promise<CheckReport>;

  info(): Promise<SystemInfo>;
}

export interface PruneOptions {
  readonly all: boolean;
  /** Also what layers were compressed to for a push: it is made again for the next one. Default false. */
  readonly compressed?: boolean;
  /** Only say what would be deleted. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface PruneReport {
  readonly deleted: readonly { readonly kind: UsageKind; readonly name: string; readonly sizeBytes: number }[];
  readonly reclaimedBytes: number;
}

export type UsageKind =
  | 'image'
  | 'layer'
  | 'container'
  | 'cache'
  | 'cache-mount'
  | 'blob'
  | 'work'
  | 'trash'
  | 'ingest';

export interface UsageRow {
  readonly kind: UsageKind;
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

export interface CheckOptions {
  readonly repair: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface CheckReport {
  readonly findings: readonly CheckFinding[];
  readonly checked: { readonly layers: number; readonly blobs: number; readonly images: number };
}

export interface CheckFinding {
  readonly severity: 'error' | 'leftover';
  /** `layer sha256:…: content hashes to sha256:…`. */
  readonly message: string;
  readonly repaired: boolean;
}

export interface RuntimeInfo {
  readonly name: string;
  readonly path: string;
  readonly version: string;
  /** Those that would have been preferred, and why they were not taken. */
  readonly passedOver: readonly { readonly name: string; readonly reason: string }[];
}

export interface SystemInfo {
  readonly version: string;
  readonly root: string;
  readonly runRoot: string;
  readonly snapshotter: { readonly kind: 'erofs' | 'directory'; readonly reason: string };
  readonly runtime: RuntimeInfo | undefined;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroup: string;
  readonly images: number;
  readonly containers: { readonly running: number; readonly stopped: number };
  readonly warnings: readonly string[];
}

import type { Tree } from '../host/index.ts';

/**
 * The folders that steps keep between builds: what `RUN --mount=type=cache` mounts.
 *
 * A **cache** is named by the id that its Dockerfiles give it, for all builds on the store. What a fresh folder of it
 * begins with tells caches of one id apart: the **scope** (which seed) and the owner and mode of the root. Together
 * they are the cache's **key**, a hash, which is also its name on the disk: an id is never part of a path.
 *
 * A cache has one **folder**, and further ones if steps could not share it. Folder 0 is what the cache is: what is exported,
 * replaced, and given first. The others are kept, and given again when those before them are in use.
 *
 * A use ends with its process, however that ends. What a step has left in a folder is there for the next, whether the
 * step succeeded or not; a folder that was not yet filled is never given to anybody, and filled anew.
 *
 * Content is no part of any build key, and may be removed at any time when it is not in use.
 */
export interface CacheMounts {
  /**
   * A folder of the cache, which is made where it is missing, for the caller until the use is disposed of:
   *
   * - `shared`: the folder that others have who share it, else the first that nobody has.
   * - `private`: the first that nobody has, a fresh one if all are in use.
   * - `locked`: folder 0, as soon as nobody has it.
   *
   * Who takes several for one step takes them in one order, that of their ids: else two steps can wait for each other.
   *
   * All wait while somebody fills the folder that they are to share. Fault `cancelled` when the signal is aborted, `invalid`
   * for an id that is empty or has more than 4096 characters; whatever `fill` throws, which leaves no folder.
   */
  acquire(request: CacheMountRequest): Promise<CacheMountUse>;

  /** All, by id and key. */
  list(): Promise<readonly CacheMount[]>;

  /**
   * The cache of this id, or else of the key that begins with `name` (4 hex digits at least). Fault `not-found`, `conflict` if
   * several are meant.
   */
  find(name: string): Promise<CacheMount>;

  /** Removes the cache with all its folders. Fault `conflict` if one is in use; false if there was none of this key. */
  remove(key: string): Promise<boolean>;

  /**
   * Calls `body` with the content of folder 0, which nobody replaces meanwhile; steps that share it may write to it. Fault
   * `conflict` if a step has it for itself, `not-found`.
   */
  read<T>(key: string, body: (folder: Tree) => Promise<T>): Promise<T>;

  /**
   * Makes what `fill` puts into an empty folder the content of the cache, which is made where it is missing, and drops its
   * other folders: all at once, or on failure nothing. Steps may use the old content until then. Fault `conflict` if
   * one uses it at the end, or if the same is under way elsewhere.
   */
  replace(cache: CacheMountIdentity, fill: CacheMountFill, signal: AbortSignal): Promise<CacheMount>;

  /** What is not as it should be: folders and records that do not belong together, and what dead owners left half done. */
  check(): Promise<readonly CacheMountProblem[]>;
}

/** What tells a cache from another. */
export interface CacheMountIdentity {
  /** As the Dockerfile has it, by default the target's cleaned path. Any text. */
  readonly id: string;
  /** Which content a fresh folder begins with: any text that is the same for the same seed; empty for none. */
  readonly scope?: string;
  /** Of a fresh folder; 0 where absent. */
  readonly uid?: number;
  readonly gid?: number;
  /** Of a fresh folder; 0755 where absent. */
  readonly mode?: number;
}

export interface CacheMountRequest extends CacheMountIdentity {
  readonly sharing: 'shared' | 'private' | 'locked';
  /** Gives a fresh folder its first content; without it, it is empty. */
  readonly fill?: CacheMountFill;
  readonly signal: AbortSignal;
}

/**
 * Called with a fresh, empty folder that has the owner and mode that were asked for; it may change these too. It is used
 * only if the call returns, else discarded.
 */
export type CacheMountFill = (folder: Tree) => Promise<void> | void;

/** A step's hold on a folder. Disposing of it lets go, once; nothing of the content is touched. */
export interface CacheMountUse extends Disposable {
  readonly key: string;
  /** The folder on the host, to be bound. */
  readonly path: string;
  /** True if the folder was made for this use. */
  readonly isNew: boolean;
}

export interface CacheMount extends Required<CacheMountIdentity> {
  /** 32 hex digits. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** Milliseconds since 1970; that of its making if no step has used it. */
  readonly usedMs: number;
  /** How many steps have used it. */
  readonly uses: number;
  /** How the last step that used it shared it; undefined if none has. */
  readonly sharing: CacheMountRequest['sharing'] | undefined;
  readonly isInUse: boolean;
  /** Its folders on the host, those that are there. */
  readonly folders: readonly string[];
}

export interface CacheMountProblem {
  /** `left-over` can be removed without a loss to anybody. */
  readonly kind: 'error' | 'left-over';
  /** `cache mount /root/.cache: it is on the disk and not in the database`. */
  readonly message: string;
  /** The folder that it is about, where there is one. */
  readonly path: string;
  /** Does nothing if it has become right meanwhile. What a record or file tells is restored from the other of the two. */
  repair(): Promise<void>;
}

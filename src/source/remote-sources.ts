import type { BlobHolder } from '../blob/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Timestamp } from '../std/index.ts';
import type { GitReference } from './git-reference.ts';

/**
 * What is not on this machine and no image: files by URL, and git repositories.
 *
 * A **file** is downloaded into the blob store and kept there by its digest, like all content: a record of the build cache
 * remembers which URL it came from and what the server called it (`ETag`, `Last-Modified`), so that the next time the
 * server is only asked whether it changed. Its content is what its digest says; name and time are the server's word.
 *
 * A **git repository** is kept as a bare repository for each remote, `git/<hash>/` in the store, that only ever grows
 * until it is removed as a whole. What a build sees is a **checkout** of one commit: a folder of this process, gone when it is
 * disposed of, or cleared by the next command where the process was killed. Nothing of it can be run by git: no hooks, no
 * filters, no configuration of the machine, no transport but http, https, ssh and git.
 *
 * What identifies content, for the keys of steps: of a file its digest, and the name where it is used; of a git tree the
 * commit, with the reference's `subdir`, `keepGitDir` and `submodules`. Times are no part of it.
 *
 * Names and passwords in a URL go to its own host only. They are in no message, no record, no file and no process list.
 *
 * Any number of callers and processes may fetch at once; those who fetch the same thing wait for each other. All waiting
 * ends with the signal, as `cancelled`. Faults beside those named: `invalid` for a URL that is none, `unsupported` for a
 * scheme other than http and https, `unavailable` for what the network does wrong, `denied` and `not-found` for what the
 * server says, `exhausted` above a limit.
 */
export interface RemoteSources extends Disposable {
  /**
   * Downloads a file, or finds that the one in the store is what the server still has. With a `checksum` that is stored
   * the network is not asked at all. Fault `corrupt`, which names both digests, for any other content than the checksum's;
   * nothing of it is kept.
   */
  fetchUrl(url: string, options: FetchUrlOptions): Promise<RemoteFile>;

  /**
   * The commit that a reference stands for now. A full commit ID is taken at its word, without asking. Fault `not-found`
   * for a branch or tag that is not there, `conflict` where its `checksum` is another commit's.
   */
  resolveGit(reference: GitReference, options: GitOptions): Promise<GitCommit>;

  /**
   * Checks a commit out, fetching it where it is not here yet: the commit itself and no history, where the server allows
   * that. Faults: as `resolveGit`; `unavailable` with the name of the package where git is not installed; `not-found`
   * for a subdirectory that is not there.
   */
  fetchGit(reference: GitReference, options: FetchGitOptions): Promise<GitCheckout>;
}

export interface FetchUrlOptions {
  /** Keeps the file from garbage collection; told before the store is looked at. */
  readonly holder: BlobHolder;
  /** The digest that the file must have. */
  readonly checksum?: Digest | undefined;
  /** A larger file is `exhausted`. 64 GiB unless given. */
  readonly maxSizeBytes?: number;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface FetchProgress {
  readonly doneBytes: number;
  /** Unknown where the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface RemoteFile {
  /** The file in the store; to be read only, as long as the holder lives. */
  readonly path: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /**
   * One name without slashes: what the server calls it (`Content-Disposition`), else the last one of the URL's path
   * (`nameInUrl`, which alone counts for ADD).
   */
  readonly name: string;
  /** `Last-Modified`, where the server said it. */
  readonly mtime: Timestamp | undefined;
  /** True if it was downloaded now, false if it was here. */
  readonly isNew: boolean;
}

export interface GitOptions {
  readonly ssh?: SshOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How git reaches a server by ssh. Without an agent there are no keys. */
export interface SshOptions {
  /** Path of the agent's socket. */
  readonly authSock: string;
  /**
   * File of the hosts that are trusted, and no others. Unless given, a host is trusted when it is first met, and must
   * show the same key from then on (`git/known_hosts` in the store).
   */
  readonly knownHosts?: string;
}

export interface FetchGitOptions extends GitOptions {
  /** The commit where it is known already, from `resolveGit`: the reference is not looked up again. */
  readonly commit?: GitCommit;
  /** What git says of its progress, a line at a time. */
  readonly onProgress?: (line: string) => void;
}

export interface GitCommit {
  /** 40 or 64 hexadecimal digits. */
  readonly commit: string;
  /** The full name that led to it: `refs/heads/main`; undefined where the reference is a commit ID. */
  readonly ref: string | undefined;
  /** ID of the annotated tag that `ref` is. */
  readonly tag: string | undefined;
}

/** A tree of files, to be read until it is disposed of. Files and folders have the time of the commit. */
export interface GitCheckout extends GitCommit, Disposable {
  /** Path of the folder: the repository's root, or its subdirectory. */
  readonly root: string;
  /** When the commit was made. */
  readonly time: Timestamp;
}

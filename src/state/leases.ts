/**
 * Leases keep content from garbage collection while it is written or used.
 *
 * A writer acquires a lease before it looks for the first time whether something is there, adds the digest of each
 * thing before it looks for that thing, and releases the lease once what it made has a name. A lease is a row, its
 * digests, and a file below `leases/` that the owner keeps locked: when the owner dies, however it dies, the kernel
 * lets go of the lock, and whoever asks for the live leases next clears the row away.
 *
 * Garbage collection does its marking and its renaming to the trash in one `transaction` of the state. `add` writes, so
 * it waits until that is over, and what it then looks for is either there to stay or gone.
 */
export interface Leases {
  /** A new lease. `purpose` tells people what it is for: `build`, `pull alpine:3.20`. */
  acquire(options: { readonly purpose: string }): Lease;
  /** The leases whose owners live, oldest first. Clears away the others, rows and files. */
  live(): readonly LiveLease[];
}

/** To be released in any case: `using`. */
export interface Lease extends Disposable {
  readonly id: string;
  /** From now on, and until the release, what has this digest stays. Durable at once, in the sense of a crash. */
  add(digest: string): void;
  /** As `add`, for many at once. */
  addAll(digests: Iterable<string>): void;
  /** Lets everything go. Further calls do nothing. */
  release(): void;
}

export interface LiveLease {
  readonly id: string;
  readonly purpose: string;
  /** The process that acquired it. */
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly digests: readonly string[];
}

/** The time, injected, so that what depends on it can be tested. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/** A point in time as file formats keep it: whole seconds since 1970 (negative before), and 0 ≤ nsec < 1e9. */
export interface Timestamp {
  readonly sec: number;
  readonly nsec: number;
}

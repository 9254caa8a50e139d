import type { Lease, Leases } from '../../state/index.ts';

/**
 * Keeps what was given out or taken in for a while: from one period up to two. It is two leases, of which the older one
 * is let go whenever a period is over.
 */
export class RollingLease implements Disposable {
  readonly #leases: Pick<Leases, 'acquire'>;
  #current: Lease;
  #previous: Lease | undefined;

  constructor(leases: Pick<Leases, 'acquire'>) {
    this.#leases = leases;
    this.#current = leases.acquire({ purpose });
  }

  add(digest: string): void {
    this.#current.add(digest);
  }

  addAll(digests: Iterable<string>): void {
    this.#current.addAll(digests);
  }

  /** The leases that it is. */
  get ids(): ReadonlySet<string> {
    return new Set([this.#current.id, ...(this.#previous === undefined ? [] : [this.#previous.id])]);
  }

  /** A period is over. */
  turn(): void {
    const next = this.#leases.acquire({ purpose });
    this.#previous?.release();
    this.#previous = this.#current;
    this.#current = next;
  }

  [Symbol.dispose](): void {
    this.#previous?.release();
    this.#current.release();
  }
}

const purpose = 'registry';

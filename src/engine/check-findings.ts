import type { Lease } from '../state/index.ts';
import type { Store } from './store.ts';
import type { CheckFinding } from './system.ts';
import type { SystemPorts } from './system-ports.ts';

/** What the parts of a check share. */
export interface Checking {
  readonly store: Store;
  readonly containers: SystemPorts['containers'];
  readonly repair: boolean;
  readonly signal: AbortSignal;
  readonly findings: Findings;
  /** Keeps what is looked at from garbage collection, and what is restored. */
  readonly lease: Lease;
  /** One more file was read. */
  readonly advance: () => void;
}

/** What a check found, in the order in which it was found. */
export class Findings {
  readonly #list: CheckFinding[] = [];

  get list(): readonly CheckFinding[] {
    return this.#list;
  }

  error(message: string, repaired: boolean): void {
    this.#list.push({ severity: 'error', message, repaired });
  }

  leftover(message: string, repaired: boolean): void {
    this.#list.push({ severity: 'leftover', message, repaired });
  }
}

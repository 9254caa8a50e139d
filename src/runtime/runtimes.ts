import type { OciRuntime } from './oci-runtime.ts';

/**
 * The OCI runtimes of this machine, for one store: crun where it is there and works, since it takes a fifth of the time, else
 * runc. Looking for them starts no process. A container is left to the program that it was started with.
 */
export interface Runtimes {
  /**
   * `crun`, `runc` or the absolute path of one; what this store was opened with, else the best that works here, where it is left
   * out. Fault `unavailable` where it is not installed or does not work on this machine, `invalid` for another program.
   */
  choose(wanted?: string): OciRuntime;

  /**
   * The one for a bundle whose `config.json` nobody may find on a disk, as it holds secrets: that of `choose`, or another
   * where that one would copy it there. Fault `unavailable` where there is no such.
   */
  chooseDiscreet(): OciRuntime;

  /** By what `choose` gives the same one as now again, later. Undefined where none is found; Faults as of `choose` for one that was asked for. */
  chosenName(): string | undefined;

  /** Those that come before the chosen one, each with the reason why it was not taken. */
  passedOver(): readonly PassedOver[];

  /** The one that has a state of this container: `preferred`, where it is there and of that kind. */
  holding(id: string, preferred?: string): OciRuntime | undefined;

  /** The ids that any of them has a state of, sorted. None has to be installed. */
  ids(): readonly string[];
}

export interface PassedOver {
  readonly name: string;
  readonly reason: string;
}

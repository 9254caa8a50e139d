import type { Containers } from './containers.ts';
import type { GarbageCollector } from './garbage-collector.ts';

/** What housekeeping needs of the other use cases. */
export interface SystemPorts {
  readonly collector: GarbageCollector;
  readonly containers: Pick<Containers, 'list' | 'remove'> & {
    /** Records the end of containers that ended unseen, and clears what dead steps left behind. */
    sweep(): Promise<void> | void;
  };
}

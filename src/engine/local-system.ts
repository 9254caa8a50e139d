import { prune } from './prune.ts';
import { checkStore } from './store-check.ts';
import type { Store } from './store.ts';
import { storeUsage } from './store-usage.ts';
import { systemInfo } from './system-info.ts';
import type { SystemPorts } from './system-ports.ts';
import type { CheckOptions, CheckReport, PruneOptions, PruneReport, System, SystemInfo, UsageRow } from './system.ts';

/** Housekeeping over one open store. */
export class LocalSystem implements System {
  readonly #store: Store;
  readonly #ports: SystemPorts;

  constructor(store: Store, ports: SystemPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  prune(options: PruneOptions): Promise<PruneReport> {
    return prune(this.#store, this.#ports, options);
  }

  df(): Promise<readonly UsageRow[]> {
    return storeUsage(this.#store, this.#ports);
  }

  check(options: CheckOptions): Promise<CheckReport> {
    return checkStore(this.#store, this.#ports, options);
  }

  info(): Promise<SystemInfo> {
    return systemInfo(this.#store, this.#ports);
  }
}

import { Fault } from '../../errors/index.ts';
import { recordFrom, type StepRecord } from '../../solver/index.ts';
import type { SharedEntry } from './shared-entry.ts';

/** The records of entries that others wrote, unpacked when they are asked for: not more of them than an honest cache has. */
export class ImportedRecords {
  readonly #known = new Map<SharedEntry, StepRecord | undefined>();
  #leftBytes: number;

  constructor(mostBytes = mostUnpackedBytes) {
    this.#leftBytes = mostBytes;
  }

  /** Undefined where it did not travel, is none, or where all together are too large. */
  of(entry: SharedEntry): StepRecord | undefined {
    if (!this.#known.has(entry)) this.#known.set(entry, this.#unpacked(entry));
    return this.#known.get(entry);
  }

  #unpacked({ preimage }: SharedEntry): StepRecord | undefined {
    if (preimage === undefined) return undefined;
    try {
      const record = recordFrom(preimage, this.#leftBytes);
      this.#leftBytes -= record.sizeBytes;
      return record;
    } catch (error) {
      if (!Fault.is(error, 'corrupt') && !Fault.is(error, 'exhausted')) throw error;
      if (error.code === 'exhausted') this.#leftBytes = 0;
      return undefined;
    }
  }
}

/** What travels has 16 MiB packed; a kilobyte of it may unpack to 16 MiB. */
const mostUnpackedBytes = 256 << 20;

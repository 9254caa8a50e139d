import { integerIn, optionalTextIn, textIn } from './database.ts';
import type { Database, Row } from './database.ts';

/**
 * What is known of the layers in the store. A record says what was true when the layer was written; whether its files
 * are (still) there is for the layer store to see.
 */
export interface LayerRecords {
  get(diffId: string): LayerRecord | undefined;
  /** Writes the record, in place of one with this diff ID. */
  put(record: LayerRecord): void;
  /** These layers' files are on the disk for good. */
  markDurable(diffIds: readonly string[]): void;
  /** True if there was such a record. */
  delete(diffId: string): boolean;
  /** All, by diff ID. */
  list(): readonly LayerRecord[];
}

export interface LayerRecord {
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly entryCount: number;
  /** Hash of the entries without times, where it was computed. */
  readonly contentId?: string;
  /** The boot of the machine in which the layer was written: after another one it is trusted only if durable. */
  readonly bootId: string;
  /** True once the layer's files were fsynced. */
  readonly durable: boolean;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

const columns = 'diff_id, size, entries, content_id, boot_id, durable, created';

export function openLayerRecords(database: Database): LayerRecords {
  return {
    get: (diffId) => {
      const row = database.get(`SELECT ${columns} FROM layers WHERE diff_id = ?`, diffId);
      return row === undefined ? undefined : toRecord(row);
    },
    put: (record) => {
      const { diffId, sizeBytes, entryCount, contentId, bootId, durable, createdMs } = record;
      database.run(
        `INSERT OR REPLACE INTO layers (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        diffId,
        sizeBytes,
        entryCount,
        contentId ?? null,
        bootId,
        durable ? 1 : 0,
        createdMs,
      );
    },
    markDurable: (diffIds) =>
      database.transaction(() => {
        for (const diffId of diffIds) database.run('UPDATE layers SET durable = 1 WHERE diff_id = ?', diffId);
      }),
    delete: (diffId) => database.run('DELETE FROM layers WHERE diff_id = ?', diffId) > 0,
    list: () => database.all(`SELECT ${columns} FROM layers ORDER BY diff_id`).map(toRecord),
  };
}

function toRecord(row: Row): LayerRecord {
  const contentId = optionalTextIn(row, 'content_id');
  return {
    diffId: textIn(row, 'diff_id'),
    sizeBytes: integerIn(row, 'size'),
    entryCount: integerIn(row, 'entries'),
    ...(contentId === undefined ? {} : { contentId }),
    bootId: textIn(row, 'boot_id'),
    durable: integerIn(row, 'durable') === 1,
    createdMs: integerIn(row, 'created'),
  };
}

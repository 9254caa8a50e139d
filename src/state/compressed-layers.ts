import { integerIn, textIn } from './database.ts';
import type { Database, Row } from './database.ts';

/**
 * What layers became when they were compressed here: so that it is done once, and so that what can be made again is told
 * from what was pulled. A record says nothing of whether the blob is (still) there.
 */
export interface CompressedLayerRecords {
  get(diffId: string, form: string): CompressedLayerRecord | undefined;
  /** Writes the record, in place of one for this layer and form. */
  put(record: CompressedLayerRecord): void;
  /** Drops all that is known of these blobs. */
  forget(digests: readonly string[]): void;
  /** All, by diff ID. */
  list(): readonly CompressedLayerRecord[];
}

export interface CompressedLayerRecord {
  readonly diffId: string;
  /** How it was compressed: `gzip:6`. */
  readonly form: string;
  /** Of the compressed blob. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** The library that did it, with its version. */
  readonly madeBy: string;
}

const columns = 'diff_id, form, digest, size, made_by';

export function openCompressedLayerRecords(database: Database): CompressedLayerRecords {
  return {
    get: (diffId, form) => {
      const row = database.get(`SELECT ${columns} FROM compressed_layers WHERE diff_id = ? AND form = ?`, diffId, form);
      return row === undefined ? undefined : toRecord(row);
    },
    put: ({ diffId, form, digest, sizeBytes, madeBy }) => {
      const sql = `INSERT OR REPLACE INTO compressed_layers (${columns}) VALUES (?, ?, ?, ?, ?)`;
      database.run(sql, diffId, form, digest, sizeBytes, madeBy);
    },
    forget: (digests) =>
      database.transaction(() => {
        for (const digest of digests) database.run('DELETE FROM compressed_layers WHERE digest = ?', digest);
      }),
    list: () => database.all(`SELECT ${columns} FROM compressed_layers ORDER BY diff_id, form`).map(toRecord),
  };
}

function toRecord(row: Row): CompressedLayerRecord {
  return {
    diffId: textIn(row, 'diff_id'),
    form: textIn(row, 'form'),
    digest: textIn(row, 'digest'),
    sizeBytes: integerIn(row, 'size'),
    madeBy: textIn(row, 'made_by'),
  };
}

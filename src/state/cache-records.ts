import { bytesIn, integerIn, textIn } from './database.ts';
import type { Database, Row } from './database.ts';
import type { Clock } from '../std/index.ts';

/**
 * Results of build steps by their keys, each with the whole pre-image of its key.
 *
 * Keys, slots, results and preimages are the builder's; here they are text and bytes. Records may be lost by a power
 * cut; one that is there is whole.
 */
export interface CacheRecords {
  byDefinition(definitionKey: string): CacheRecord | undefined;
  /** The record with this content key that was used last. */
  byContent(contentKey: string): CacheRecord | undefined;
  /** The record with this lineage that was used last. */
  byLineage(lineage: string): CacheRecord | undefined;
  /** The newest records of a step, newest first: what a reason compares with. */
  bySlot(slot: string, limit: number): readonly CacheRecord[];

  /** Writes the record, in place of one with this definition key; its preimage is kept once for all that share it. */
  put(record: NewCacheRecord): void;
  /** The bytes that were put as this preimage. */
  preimage(digest: string): Uint8Array | undefined;
  /** The bytes of the preimage that a record with this reading key was put with last. */
  preimageRead(readingKey: string): Uint8Array | undefined;

  /** Notes that these records were used now. */
  touch(definitionKeys: readonly string[]): void;
  /** Drops the records, and preimages that no record has any more. */
  delete(definitionKeys: readonly string[]): void;
  /** The definition keys of the records whose result needs this content. */
  referring(digest: string): readonly string[];
  /** All, least recently used first. */
  list(): readonly CacheRecord[];
}

export interface CacheRecord {
  readonly definitionKey: string;
  readonly contentKey: string;
  /** Identifies the content of the step's result and of all below it. */
  readonly lineage: string;
  readonly contentId: string;
  /** Names the step from build to build. */
  readonly slot: string;
  /** The step as people read it. */
  readonly label: string;
  /** What the builder wrote down to find the result again. */
  readonly result: string;
  /** Digest of the preimage. */
  readonly preimage: string;
  /** The content that must be in the store for the result to be of use. */
  readonly digests: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly usedMs: number;
}

export interface NewCacheRecord extends Omit<CacheRecord, 'createdMs' | 'usedMs'> {
  readonly preimageBytes: Uint8Array;
  /** What is read, and of which content; undefined for a step whose preimage does not follow from that. */
  readonly readingKey?: string | undefined;
}

const columns =
  'definition_key, content_key, lineage, content_id, slot, label, result, preimage, created, used, ' +
  "(SELECT group_concat(digest, ' ') FROM cache_digests d WHERE d.definition_key = cache.definition_key) AS digests";

export function openCacheRecords(database: Database, clock: Clock): CacheRecords {
  const one = (where: string, value: string): CacheRecord | undefined => {
    const row = database.get(`SELECT ${columns} FROM cache WHERE ${where} LIMIT 1`, value);
    return row === undefined ? undefined : toRecord(row);
  };
  const remove = (definitionKey: string): void => {
    database.run('DELETE FROM cache WHERE definition_key = ?', definitionKey);
    database.run('DELETE FROM cache_digests WHERE definition_key = ?', definitionKey);
  };
  return {
    byDefinition: (key) => one('definition_key = ?', key),
    byContent: (key) => one('content_key = ? ORDER BY used DESC, created DESC', key),
    byLineage: (lineage) => one('lineage = ? ORDER BY used DESC, created DESC', lineage),
    bySlot: (slot, limit) =>
      database
        .all(`SELECT ${columns} FROM cache WHERE slot = ? ORDER BY created DESC, rowid DESC LIMIT ?`, slot, limit)
        .map(toRecord),
    put: (record) =>
      database.transaction(() => {
        remove(record.definitionKey);
        insert(database, record, clock.now());
      }),
    preimage: (digest) => {
      const row = database.get('SELECT bytes FROM preimages WHERE digest = ?', digest);
      return row === undefined ? undefined : bytesIn(row, 'bytes');
    },
    preimageRead: (readingKey) => {
      const sql = 'SELECT bytes FROM readings JOIN preimages ON digest = preimage WHERE key = ?';
      const row = database.get(sql, readingKey);
      return row === undefined ? undefined : bytesIn(row, 'bytes');
    },
    touch: (keys) =>
      database.transaction(() => {
        for (const key of keys) database.run('UPDATE cache SET used = ? WHERE definition_key = ?', clock.now(), key);
      }),
    delete: (keys) =>
      database.transaction(() => {
        for (const key of keys) remove(key);
        database.run(
          'DELETE FROM preimages WHERE NOT EXISTS (SELECT 1 FROM cache WHERE cache.preimage = preimages.digest)',
        );
        database.run('DELETE FROM readings WHERE preimage NOT IN (SELECT digest FROM preimages)');
      }),
    referring: (digest) =>
      database
        .all('SELECT definition_key FROM cache_digests WHERE digest = ? ORDER BY definition_key', digest)
        .map((row) => textIn(row, 'definition_key')),
    list: () => database.all(`SELECT ${columns} FROM cache ORDER BY used, definition_key`).map(toRecord),
  };
}

function insert(database: Database, record: NewCacheRecord, nowMs: number): void {
  const { definitionKey, contentKey, lineage, contentId, slot, label, result, preimage, digests } = record;
  database.run('INSERT OR IGNORE INTO preimages (digest, bytes) VALUES (?, ?)', preimage, record.preimageBytes);
  if (record.readingKey !== undefined) {
    database.run('INSERT OR REPLACE INTO readings (key, preimage) VALUES (?, ?)', record.readingKey, preimage);
  }
  database.run(
    `INSERT INTO cache (definition_key, content_key, lineage, content_id, slot, label, result, preimage, created, used)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    definitionKey,
    contentKey,
    lineage,
    contentId,
    slot,
    label,
    result,
    preimage,
    nowMs,
    nowMs,
  );
  for (const digest of digests) {
    database.run('INSERT OR IGNORE INTO cache_digests (definition_key, digest) VALUES (?, ?)', definitionKey, digest);
  }
}

function toRecord(row: Row): CacheRecord {
  const digests = row['digests'];
  return {
    definitionKey: textIn(row, 'definition_key'),
    contentKey: textIn(row, 'content_key'),
    lineage: textIn(row, 'lineage'),
    contentId: textIn(row, 'content_id'),
    slot: textIn(row, 'slot'),
    label: textIn(row, 'label'),
    result: textIn(row, 'result'),
    preimage: textIn(row, 'preimage'),
    digests: typeof digests === 'string' ? digests.split(' ') : [],
    createdMs: integerIn(row, 'created'),
    usedMs: integerIn(row, 'used'),
  };
}

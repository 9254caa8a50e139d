import type { Clock } from '../std/index.ts';
import { integerIn, optionalTextIn, textIn } from './database.ts';
import type { Database, Row } from './database.ts';

/**
 * What is known of the folders that steps keep between builds, by their key. A record that was lost is made again from
 * the file beside the folder; only how often it was used is gone then.
 */
export interface CacheMountRecords {
  get(key: string): CacheMountRecord | undefined;
  /** All, by id and key. */
  list(): readonly CacheMountRecord[];
  /** Adds a record that tells of no use, unless there is one of this key. */
  add(facts: CacheMountFacts): void;
  /** A step uses it now: counts it, and adds the record where it is missing. */
  use(facts: CacheMountFacts, sharing: string): void;
  /** True if there was such a record. */
  delete(key: string): boolean;
}

/** What does not change. */
export interface CacheMountFacts {
  readonly key: string;
  readonly id: string;
  readonly scope: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

export interface CacheMountRecord extends CacheMountFacts {
  /** Milliseconds since 1970; that of its making if it was never used. */
  readonly usedMs: number;
  readonly uses: number;
  /** Of the last use. */
  readonly sharing: string | undefined;
}

const columns = 'key, id, scope, uid, gid, mode, created, used, uses, sharing';

export function openCacheMountRecords(database: Database, clock: Clock): CacheMountRecords {
  const add = (facts: CacheMountFacts): void => {
    const { key, id, scope, uid, gid, mode, createdMs } = facts;
    const values = [key, id, scope, uid, gid, mode, createdMs, createdMs];
    database.run(`INSERT OR IGNORE INTO cache_mounts (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, NULL)`, ...values);
  };
  return {
    get: (key) => {
      const row = database.get(`SELECT ${columns} FROM cache_mounts WHERE key = ?`, key);
      return row === undefined ? undefined : toRecord(row);
    },
    list: () => database.all(`SELECT ${columns} FROM cache_mounts ORDER BY id, key`).map(toRecord),
    add,
    use: (facts, sharing) =>
      database.transaction(() => {
        add(facts);
        const change = 'UPDATE cache_mounts SET used = ?, uses = uses + 1, sharing = ? WHERE key = ?';
        database.run(change, clock.now(), sharing, facts.key);
      }),
    delete: (key) => database.run('DELETE FROM cache_mounts WHERE key = ?', key) > 0,
  };
}

function toRecord(row: Row): CacheMountRecord {
  return {
    key: textIn(row, 'key'),
    id: textIn(row, 'id'),
    scope: textIn(row, 'scope'),
    uid: integerIn(row, 'uid'),
    gid: integerIn(row, 'gid'),
    mode: integerIn(row, 'mode'),
    createdMs: integerIn(row, 'created'),
    usedMs: integerIn(row, 'used'),
    uses: integerIn(row, 'uses'),
    sharing: optionalTextIn(row, 'sharing'),
  };
}

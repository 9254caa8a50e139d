import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { bootId, tryLock } from '../host/index.ts';
import type { Lock } from '../host/index.ts';
import type { Clock } from '../std/index.ts';
import { integerIn, textIn } from './database.ts';
import type { Database, Row } from './database.ts';
import type { Lease, Leases, LiveLease } from './leases.ts';

export function openLeases(database: Database, folder: string, clock: Clock): Leases {
  return {
    acquire: ({ purpose }) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const { id, lock } = lockNewFile(folder, purpose);
      try {
        insertLease(database, id, { purpose, createdMs: clock.now() });
      } catch (error) {
        lock.remove();
        throw error;
      }
      return new FlockedLease(database, id, lock);
    },
    live: () => database.transaction(() => liveLeases(database, folder)),
  };
}

/** Whoever clears dead leases away may look at the file in the moment before it is locked: then it is theirs to remove. */
function lockNewFile(folder: string, purpose: string): { readonly id: string; readonly lock: Lock } {
  for (let tries = 0; tries < 100; tries++) {
    const id = randomBytes(8).toString('hex');
    const lock = tryLock(join(folder, id), 'exclusive');
    if (lock !== undefined) return { id, lock };
  }
  throw new Fault('unavailable', `acquire a lease for ${purpose}: its file is locked`);
}

/** To be called with the lock held: a row without one is taken for that of a dead owner. */
function insertLease(database: Database, id: string, lease: Pick<LiveLease, 'purpose' | 'createdMs'>): void {
  database.run(
    'INSERT INTO leases (id, purpose, pid, boot_id, created) VALUES (?, ?, ?, ?, ?)',
    id,
    lease.purpose,
    process.pid,
    bootId(),
    lease.createdMs,
  );
}

class FlockedLease implements Lease {
  readonly id: string;
  readonly #database: Database;
  readonly #lock: Lock;
  #held = true;

  constructor(database: Database, id: string, lock: Lock) {
    this.#database = database;
    this.id = id;
    this.#lock = lock;
  }

  add(digest: string): void {
    if (!this.#held) throw new Fault('internal', `add ${digest} to a lease: it was released`);
    this.#database.run('INSERT OR IGNORE INTO lease_digests (lease, digest) VALUES (?, ?)', this.id, digest);
  }

  addAll(digests: Iterable<string>): void {
    this.#database.transaction(() => {
      for (const digest of digests) this.add(digest);
    });
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    try {
      this.#database.transaction(() => forget(this.#database, this.id));
    } finally {
      this.#lock.remove();
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function liveLeases(database: Database, folder: string): readonly LiveLease[] {
  const rows = database.all('SELECT id, purpose, pid, created FROM leases ORDER BY created, id');
  const live = rows.filter((row) => !clearIfDead(database, folder, textIn(row, 'id')));
  const known = new Set(rows.map((row) => textIn(row, 'id')));
  for (const stray of filesIn(folder)) if (!known.has(stray)) clearIfDead(database, folder, stray);
  return live.map((row) => toLiveLease(database, row));
}

/** True if nobody holds the lease's lock: then its row and file are gone. */
function clearIfDead(database: Database, folder: string, id: string): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(folder, id), 'exclusive');
  if (lock === undefined) return false;
  try {
    forget(database, id);
  } finally {
    lock.remove();
  }
  return true;
}

function forget(database: Database, id: string): void {
  database.run('DELETE FROM lease_digests WHERE lease = ?', id);
  database.run('DELETE FROM leases WHERE id = ?', id);
}

function toLiveLease(database: Database, row: Row): LiveLease {
  const id = textIn(row, 'id');
  const digests = database.all('SELECT digest FROM lease_digests WHERE lease = ? ORDER BY digest', id);
  return {
    id,
    purpose: textIn(row, 'purpose'),
    pid: integerIn(row, 'pid'),
    createdMs: integerIn(row, 'created'),
    digests: digests.map((each) => textIn(each, 'digest')),
  };
}

function filesIn(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return readdirSync(folder);
}

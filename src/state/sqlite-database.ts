import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { Database, Row, SqlValue } from './database.ts';
import { migrate } from './schema.ts';
import { faultOfSqlite, isBusy } from './sqlite-fault.ts';

export interface DatabaseOptions {
  /** How long a writer waits for others before it fails, in milliseconds. */
  readonly waitLimitMs?: number;
}

const defaultWaitLimitMs = 30_000;

/** The database at `path`, made if it is missing. The file is first opened when it is first used. */
export function openDatabase(path: string, options: DatabaseOptions = {}): Database {
  return new SqliteDatabase(path, options.waitLimitMs ?? defaultWaitLimitMs);
}

type TransactionKind = 'normal' | 'durable';

class SqliteDatabase implements Database {
  readonly #path: string;
  readonly #waitLimitMs: number;
  readonly #statements = new Map<string, StatementSync>();
  #handle: DatabaseSync | undefined;
  #open: TransactionKind | undefined;
  #disposed = false;

  constructor(path: string, waitLimitMs: number) {
    this.#path = path;
    this.#waitLimitMs = waitLimitMs;
  }

  get(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#guard('read', () => this.#statement(sql).get(...values) as Row | undefined);
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#guard('read', () => this.#statement(sql).all(...values) as unknown as readonly Row[]);
  }

  run(sql: string, ...values: readonly SqlValue[]): number {
    return this.#guard('write', () => Number(this.#statement(sql).run(...values).changes));
  }

  transaction<T>(body: () => T): T {
    return this.#open === undefined ? this.#transact('normal', body) : body();
  }

  durably<T>(body: () => T): T {
    if (this.#open === 'normal') {
      throw new Fault('internal', 'begin a durable transaction: the one it is part of is not durable');
    }
    return this.#open === 'durable' ? body() : this.#transact('durable', body);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#statements.clear();
    this.#handle?.close();
    this.#handle = undefined;
  }

  #transact<T>(kind: TransactionKind, body: () => T): T {
    const handle = this.#opened();
    this.#guard('write', () => {
      if (kind === 'durable') handle.exec('PRAGMA synchronous=FULL');
      handle.exec('BEGIN IMMEDIATE');
    });
    this.#open = kind;
    try {
      const result = body();
      if (result instanceof Promise) throw new Fault('internal', 'a transaction waited for something: it may not');
      this.#guard('write', () => handle.exec('COMMIT'));
      return result;
    } catch (error) {
      // A full disk or a failed write may have rolled back already.
      if (handle.isTransaction) handle.exec('ROLLBACK');
      throw error;
    } finally {
      this.#open = undefined;
      if (kind === 'durable') handle.exec('PRAGMA synchronous=NORMAL');
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#opened().prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #opened(): DatabaseSync {
    if (this.#disposed) throw new Fault('internal', `use ${this.#path}: it was closed`);
    this.#handle ??= this.#guard('open', () => openHandle(this.#path, this.#waitLimitMs));
    return this.#handle;
  }

  #guard<T>(verb: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw faultOfSqlite(`${verb} ${this.#path}`, error);
    }
  }
}

function openHandle(path: string, waitLimitMs: number): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Loading SQLite costs a few milliseconds that a command without a store need not pay.
  const { DatabaseSync: Handle } = process.getBuiltinModule('node:sqlite');
  const handle = new Handle(path, { timeout: waitLimitMs });
  try {
    // The busy timeout does not cover the switch to write-ahead logging (sqlite.org/wal.html, "Sometimes Queries
    // Return SQLITE_BUSY In WAL Mode"), which two first users may both attempt.
    retryWhileBusy(waitLimitMs, () => handle.exec('PRAGMA journal_mode=WAL'));
    // A transaction may be lost by a power cut, the newest first; those that may not ask for it themselves.
    handle.exec('PRAGMA synchronous=NORMAL');
    migrate(handle, path);
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  }
}

function retryWhileBusy(limitMs: number, work: () => void): void {
  const pauseMs = 10;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    try {
      work();
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= limitMs) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}

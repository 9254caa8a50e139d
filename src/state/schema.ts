import type { DatabaseSync } from 'node:sqlite';
import { Fault } from '../errors/index.ts';

/**
 * The schema, as the steps that lead to it: the n-th takes a database of version n to version n + 1. A step that was
 * released is never edited. `user_version` holds the version.
 */
const steps: readonly string[] = [
  `
  -- What a person or another program refers to by name: images, containers, volumes. Each also stands as a file.
  CREATE TABLE documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (kind, id), UNIQUE (kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE layers (
    diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, entries INTEGER NOT NULL, content_id TEXT,
    boot_id TEXT NOT NULL, durable INTEGER NOT NULL, created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE cache (
    definition_key TEXT PRIMARY KEY, content_key TEXT NOT NULL, lineage TEXT NOT NULL, content_id TEXT NOT NULL,
    slot TEXT NOT NULL, label TEXT NOT NULL, result TEXT NOT NULL, preimage TEXT NOT NULL,
    created INTEGER NOT NULL, used INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX cache_by_content ON cache (content_key, used);
  CREATE INDEX cache_by_lineage ON cache (lineage, used);
  CREATE INDEX cache_by_slot ON cache (slot, created);
  CREATE INDEX cache_by_preimage ON cache (preimage);
  CREATE TABLE cache_digests (definition_key TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (definition_key, digest)) STRICT, WITHOUT ROWID;
  CREATE INDEX cache_by_digest ON cache_digests (digest);
  -- Preimages are shared: the same step on two bases has one.
  CREATE TABLE preimages (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

  CREATE TABLE stat_cache (directory TEXT PRIMARY KEY, entries BLOB NOT NULL, written INTEGER NOT NULL) STRICT;

  CREATE TABLE leases (
    id TEXT PRIMARY KEY, purpose TEXT NOT NULL, pid INTEGER NOT NULL, boot_id TEXT NOT NULL, created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lease_digests (lease TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (lease, digest)) STRICT, WITHOUT ROWID;
  `,
  `
  -- Folders that steps keep between builds. Their files say whose they are too.
  CREATE TABLE cache_mounts (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, scope TEXT NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL,
    mode INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL, uses INTEGER NOT NULL, sharing TEXT
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What layers became when they were compressed here: it can be made again.
  CREATE TABLE compressed_layers (
    diff_id TEXT NOT NULL, form TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, made_by TEXT NOT NULL,
    PRIMARY KEY (diff_id, form)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX compressed_layers_by_digest ON compressed_layers (digest);
  `,
  `
  -- What a step came upon when it read its sources: while they hold the same, they need not be read again.
  CREATE TABLE readings (key TEXT PRIMARY KEY, preimage TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];

export const schemaVersion = steps.length;

/** Brings the database to this release's schema. Fault `unsupported` if a newer release wrote it. */
export function migrate(handle: DatabaseSync, path: string): void {
  if (versionOf(handle, path) === schemaVersion) return;
  handle.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have migrated while this one waited for the lock.
    for (const step of steps.slice(versionOf(handle, path))) handle.exec(step);
    handle.exec(`PRAGMA user_version = ${schemaVersion}`);
    handle.exec('COMMIT');
  } catch (error) {
    if (handle.isTransaction) handle.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(handle: DatabaseSync, path: string): number {
  const version = Number(handle.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version <= schemaVersion) return version;
  throw new Fault('unsupported', `open ${path}: its schema is version ${version}, known are up to ${schemaVersion}`, {
    hint: 'a newer varve wrote this store; use that version, or another --root',
  });
}

import { Fault } from '../errors/index.ts';
import type { Clock } from '../std/index.ts';
import { integerIn, parseJson, textIn } from './database.ts';
import type { Database, Row } from './database.ts';
import type { DocumentFiles, StoredDocument } from './document-files.ts';
import type { Document, DocumentKind, Documents, NewDocument } from './documents.ts';

export interface DocumentsOptions {
  readonly files: DocumentFiles;
  readonly clock: Clock;
}

const columns = 'id, name, body, created';
const longestText = 1024;

/** The documents of one kind. The bodies are taken to be what was put in: only this program writes the database. */
export function openDocuments<Body>(
  database: Database,
  kind: DocumentKind,
  options: DocumentsOptions,
): Documents<Body> {
  const { files, clock } = options;
  const get = (id: string): Document<Body> | undefined =>
    toDocumentIfAny(database.get(`SELECT ${columns} FROM documents WHERE kind = ? AND id = ?`, kind, id));
  const byName = (name: string): Document<Body> | undefined =>
    toDocumentIfAny(database.get(`SELECT ${columns} FROM documents WHERE kind = ? AND name = ?`, kind, name));

  const store = (document: NewDocument<Body>): Document<Body> => {
    const stored: StoredDocument = {
      id: document.id,
      name: document.name ?? document.id,
      body: JSON.stringify(document.body),
      createdMs: clock.now(),
    };
    const owner = byName(stored.name);
    if (owner !== undefined && owner.id !== stored.id) throw taken(kind, stored.name);
    files.write(kind, stored);
    insertDocument(database, kind, stored);
    return { ...stored, body: document.body };
  };

  return {
    get,
    byName,
    withPrefix: (prefix, limit) =>
      database
        .all(
          `SELECT ${columns} FROM documents WHERE kind = ? AND id >= ? AND substr(id, 1, length(?)) = ? ORDER BY id LIMIT ?`,
          kind,
          prefix,
          prefix,
          prefix,
          limit,
        )
        .map((row) => toDocument<Body>(row)),
    list: () =>
      database
        .all(`SELECT ${columns} FROM documents WHERE kind = ? ORDER BY created, id`, kind)
        .map((row) => toDocument<Body>(row)),
    create: (document) => {
      assertUsable(document);
      return database.durably(() => {
        if (get(document.id) !== undefined) throw taken(kind, document.id);
        return store(document);
      });
    },
    put: (document) => {
      assertUsable(document);
      const same = sameDocument(get(document.id), document);
      return same ?? database.durably(() => sameDocument(get(document.id), document) ?? store(document));
    },
    remove: (id) =>
      database.durably(() => {
        if (get(id) === undefined) return false;
        files.remove(kind, id);
        database.run('DELETE FROM documents WHERE kind = ? AND id = ?', kind, id);
        return true;
      }),
  };
}

/** Writes the row; what stood under its id is replaced. */
export function insertDocument(database: Database, kind: DocumentKind, document: StoredDocument): void {
  const { id, name, body, createdMs } = document;
  database.run(
    `INSERT INTO documents (kind, ${columns}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, id)
     DO UPDATE SET name = excluded.name, body = excluded.body, created = excluded.created`,
    kind,
    id,
    name,
    body,
    createdMs,
  );
}

export function toStoredDocument(row: Row): StoredDocument {
  return {
    id: textIn(row, 'id'),
    name: textIn(row, 'name'),
    body: textIn(row, 'body'),
    createdMs: integerIn(row, 'created'),
  };
}

function toDocumentIfAny<Body>(row: Row | undefined): Document<Body> | undefined {
  return row === undefined ? undefined : toDocument(row);
}

function toDocument<Body>(row: Row): Document<Body> {
  const stored = toStoredDocument(row);
  return { ...stored, body: parseJson(stored.body) as Body };
}

function sameDocument<Body>(known: Document<Body> | undefined, wanted: NewDocument<Body>): Document<Body> | undefined {
  if (known === undefined || known.name !== (wanted.name ?? wanted.id)) return undefined;
  return JSON.stringify(known.body) === JSON.stringify(wanted.body) ? known : undefined;
}

function assertUsable(document: NewDocument<unknown>): void {
  for (const text of [document.id, document.name ?? document.id]) {
    if (text.length >= 1 && text.length <= longestText) continue;
    throw new Fault(
      'invalid',
      `store a record named ${JSON.stringify(text.slice(0, 80))}: 1 to ${longestText} characters`,
    );
  }
}

function taken(kind: DocumentKind, name: string): Fault {
  const noun = kind.slice(0, -1);
  return new Fault('already-exists', `create ${noun} ${name}: the name is in use`, {
    hint: `remove the ${noun} that has it, or choose another name`,
  });
}

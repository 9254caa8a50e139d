import type { Database } from './database.ts';
import { fileNameOf } from './document-files.ts';
import type { DocumentFiles, StoredDocument } from './document-files.ts';
import type { Disagreement, DocumentKind, DocumentRepair } from './documents.ts';
import { insertDocument, toStoredDocument } from './sqlite-documents.ts';

const kinds: readonly DocumentKind[] = ['images', 'manifests', 'containers', 'volumes'];

export function openDocumentRepair(database: Database, files: DocumentFiles): DocumentRepair {
  const rowsOf = (kind: DocumentKind): readonly StoredDocument[] =>
    database
      .all('SELECT id, name, body, created FROM documents WHERE kind = ? ORDER BY id', kind)
      .map(toStoredDocument);
  return {
    compare: () => database.transaction(() => kinds.flatMap((kind) => compareKind(kind, rowsOf(kind), files))),
    rewriteFiles: () =>
      database.durably(() => {
        for (const kind of kinds) rewriteKind(kind, rowsOf(kind), files);
      }),
    restoreRows: () => database.durably(() => kinds.reduce((sum, kind) => sum + restoreKind(database, kind, files), 0)),
  };
}

function compareKind(kind: DocumentKind, rows: readonly StoredDocument[], files: DocumentFiles): Disagreement[] {
  const found = files.readAll(kind);
  const problems: Disagreement[] = [];
  for (const row of rows) {
    const fileName = fileNameOf(row.id);
    const problem = problemOf(row, found.has(fileName), found.get(fileName));
    if (problem !== undefined) problems.push({ kind, id: row.id, problem });
  }
  const known = new Set(rows.map((row) => fileNameOf(row.id)));
  for (const [fileName, document] of found) {
    if (known.has(fileName)) continue;
    const problem = document === undefined ? 'unreadable' : 'row-missing';
    problems.push({ kind, id: document?.id ?? fileName, problem });
  }
  return problems;
}

function problemOf(
  row: StoredDocument,
  present: boolean,
  file: StoredDocument | undefined,
): Disagreement['problem'] | undefined {
  if (!present) return 'file-missing';
  if (file === undefined) return 'unreadable';
  return sameStored(row, file) ? undefined : 'different';
}

function rewriteKind(kind: DocumentKind, rows: readonly StoredDocument[], files: DocumentFiles): void {
  const found = files.readAll(kind);
  for (const row of rows) {
    const file = found.get(fileNameOf(row.id));
    if (file === undefined || !sameStored(row, file)) files.write(kind, row);
  }
  const known = new Set(rows.map((row) => fileNameOf(row.id)));
  for (const fileName of found.keys()) if (!known.has(fileName)) files.removeFile(kind, fileName);
}

function restoreKind(database: Database, kind: DocumentKind, files: DocumentFiles): number {
  let restored = 0;
  for (const document of files.readAll(kind).values()) {
    if (document === undefined) continue;
    const taken = database.get(
      'SELECT id FROM documents WHERE kind = ? AND (id = ? OR name = ?)',
      kind,
      document.id,
      document.name,
    );
    if (taken !== undefined) continue;
    insertDocument(database, kind, document);
    restored += 1;
  }
  return restored;
}

function sameStored(a: StoredDocument, b: StoredDocument): boolean {
  return a.id === b.id && a.name === b.name && a.createdMs === b.createdMs && a.body === b.body;
}

import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { Document, DocumentKind } from './documents.ts';
import { parseJson } from './database.ts';

/** A document as its file has it, the body as it stands in the row. */
export interface StoredDocument {
  readonly id: string;
  readonly name: string;
  readonly body: string;
  readonly createdMs: number;
}

/** The files `<folder>/<kind>/<id>.json`. Each is replaced as a whole and is on the disk when a call returns. */
export interface DocumentFiles {
  write(kind: DocumentKind, document: StoredDocument): void;
  remove(kind: DocumentKind, id: string): void;
  /** Every file of the kind by its file name, undefined for a damaged one. */
  readAll(kind: DocumentKind): ReadonlyMap<string, StoredDocument | undefined>;
  /** Removes a file by its file name. */
  removeFile(kind: DocumentKind, fileName: string): void;
}

const suffix = '.json';
const longestName = 200;

export function openDocumentFiles(folder: string): DocumentFiles {
  const removeFile = (kind: DocumentKind, fileName: string): void => {
    const directory = join(folder, kind);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    rmSync(join(directory, fileName), { force: true });
    syncPath(directory);
  };
  return {
    write: (kind, document) => replaceFile(join(folder, kind), fileNameOf(document.id), format(document)),
    remove: (kind, id) => removeFile(kind, fileNameOf(id)),
    removeFile,
    readAll: (kind) => readFolder(join(folder, kind)),
  };
}

/** A file name that stands for `id` and no other: percent-encoded, or hashed where that would be too long. */
export function fileNameOf(id: string): string {
  const encoded = encodeURIComponent(id).replaceAll('*', '%2A');
  if (encoded.length <= longestName) return encoded + suffix;
  return `sha256*${createHash('sha256').update(id).digest('hex')}${suffix}`;
}

function replaceFile(folder: string, fileName: string, text: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // One writer at a time, under the database's write lock: a fixed temporary name is enough and never piles up.
    const temporary = join(folder, '.new');
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, join(folder, fileName));
    syncPath(folder);
  } catch (error) {
    throw faultOfWrite(join(folder, fileName), error);
  }
}

function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readFolder(folder: string): ReadonlyMap<string, StoredDocument | undefined> {
  const documents = new Map<string, StoredDocument | undefined>();
  for (const fileName of namesIn(folder)) {
    if (!fileName.endsWith(suffix)) continue;
    const document = parse(readFileSync(join(folder, fileName), 'utf8'));
    const belongs = document !== undefined && fileNameOf(document.id) === fileName;
    documents.set(fileName, belongs ? document : undefined);
  }
  return documents;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function format(document: StoredDocument): string {
  const value: Document<unknown> = { ...document, body: parseJson(document.body) };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function parse(text: string): StoredDocument | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, body, createdMs } = value as Partial<Record<string, unknown>>;
  if (typeof id !== 'string' || typeof name !== 'string' || typeof createdMs !== 'number') return undefined;
  if (id === '' || name === '' || !Number.isSafeInteger(createdMs) || body === undefined) return undefined;
  return { id, name, body: JSON.stringify(body), createdMs };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function faultOfWrite(path: string, error: unknown): Fault {
  const full = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  const text = error instanceof Error ? error.message : String(error);
  const options = full ? { cause: error, hint: 'the disk is full' } : { cause: error };
  return new Fault(full ? 'exhausted' : 'unavailable', `write ${path}: ${text}`, options);
}

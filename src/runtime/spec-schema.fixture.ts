import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A JSON schema of several documents as one value: each `$ref`, within a document or to another one in `folder`, is
 * replaced by what it stands for. The schemas of the runtime specification do not recurse. A document that is not there
 * (those of other platforms) allows everything.
 */
export function loadSchema(folder: string, name: string): Record<string, unknown> {
  return resolve({ folder, name }, documentAt(folder, name)) as Record<string, unknown>;
}

interface Place {
  readonly folder: string;
  readonly name: string;
}

function resolve(place: Place, node: unknown): unknown {
  if (Array.isArray(node)) return node.map((each) => resolve(place, each));
  if (typeof node !== 'object' || node === null) return node;
  const reference = (node as { readonly $ref?: unknown }).$ref;
  if (typeof reference === 'string') return dereference(place, reference);
  const parts = Object.entries(node).filter(([key]) => key !== 'definitions' && key !== '$schema');
  return Object.fromEntries(parts.map(([key, value]) => [key, resolve(place, value)]));
}

function dereference(place: Place, reference: string): unknown {
  const [file = '', pointer = ''] = reference.split('#');
  const target = { folder: place.folder, name: file === '' ? place.name : file };
  if (!existsSync(join(target.folder, target.name))) return {};
  let node: unknown = documentAt(target.folder, target.name);
  for (const key of pointer.split('/').filter((each) => each !== '')) node = (node as Record<string, unknown>)[key];
  if (node === undefined) throw new Error(`${place.name}: nothing at ${reference}`);
  return resolve(target, node);
}

const documents = new Map<string, unknown>();

function documentAt(folder: string, name: string): unknown {
  const path = join(folder, name);
  const document = documents.get(path) ?? (JSON.parse(readFileSync(path, 'utf8')) as unknown);
  documents.set(path, document);
  return document;
}

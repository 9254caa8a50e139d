import { Fault } from '../errors/index.ts';

/**
 * JSON as the specifications use it: strict when it comes in, the same bytes every time when it goes out.
 *
 * What comes in is read field by field (`fieldsOf`, then `textAt`, `listAt`, …) so that nothing of a foreign document
 * is believed that was not looked at. `null` counts as absent, because Go writes it for an empty list or map. Field
 * names match exactly; fields that nobody asks for are passed over. Each reader takes the object and a field's name
 * and gives the value or undefined; `required` turns undefined into a fault. Faults say where: `layers[2].size`.
 */
export interface Fields {
  /** Where this object stands in its document, as `manifests[0].platform`; '' for the document itself. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

type Reader<T> = (fields: Fields, name: string) => T | undefined;

/** The object that `bytes` are the JSON of. Invalid UTF-8, a byte order mark and anything but an object are refused. */
export function parseJsonObject(bytes: Uint8Array): Fields {
  return fieldsOf(parseJson(bytes), '');
}

export function fieldsOf(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(path, 'an object', value);
  return { path, values: value as Record<string, unknown> };
}

/** The field's value, or a fault where `read` finds none. */
export function required<T>(fields: Fields, name: string, read: Reader<T>): T {
  const value = read(fields, name);
  if (value === undefined) throw new Fault('invalid', `${pathTo(fields, name)} is missing`);
  return value;
}

export function textAt(fields: Fields, name: string): string | undefined {
  const value = valueAt(fields, name);
  if (value === undefined || typeof value === 'string') return value;
  throw unexpected(pathTo(fields, name), 'a string', value);
}

export function flagAt(fields: Fields, name: string): boolean | undefined {
  const value = valueAt(fields, name);
  if (value === undefined || typeof value === 'boolean') return value;
  throw unexpected(pathTo(fields, name), 'true or false', value);
}

/** A whole number from 0 to 2^53-1. */
export function countAt(fields: Fields, name: string): number | undefined {
  const value = valueAt(fields, name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw unexpected(pathTo(fields, name), 'a whole number from 0 to 2^53-1', value);
}

export function objectAt(fields: Fields, name: string): Fields | undefined {
  const value = valueAt(fields, name);
  return value === undefined ? undefined : fieldsOf(value, pathTo(fields, name));
}

/** The list's elements as read by `read`, which is called with each one's value and its place. */
export function listAt<T>(
  fields: Fields,
  name: string,
  read: (value: unknown, path: string) => T,
): readonly T[] | undefined {
  const value = valueAt(fields, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw unexpected(pathTo(fields, name), 'a list', value);
  return value.map((each: unknown, index) => read(each, `${pathTo(fields, name)}[${index}]`));
}

export function textsAt(fields: Fields, name: string): readonly string[] | undefined {
  return listAt(fields, name, asText);
}

/** A map from text to text: annotations, labels. */
export function textMapAt(fields: Fields, name: string): Readonly<Record<string, string>> | undefined {
  return mapAt(fields, name, asText);
}

/** A map whose keys are a set and whose values are empty objects: Go's way to write `ExposedPorts` and `Volumes`. */
export function keySetAt(fields: Fields, name: string): Readonly<Record<string, EmptyObject>> | undefined {
  return mapAt(fields, name, (value, path) => {
    fieldsOf(value, path);
    return {};
  });
}

export type EmptyObject = Readonly<Record<string, never>>;

/** `value` without the properties that are undefined: how optional fields are made. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Defined<T>;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * The bytes of `value`: no blanks, no line end, fields in the order in which the value has them, undefined ones left
 * out. Equal values with equal order give equal bytes, on every version: JSON.stringify is specified to the byte.
 */
export function encodeJson(value: JsonValue): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** The properties of `value` that `names` lists, in that order. */
export function inOrder<T extends object>(value: T, names: readonly (keyof T & string)[]): JsonValue {
  const present = names.filter((name) => value[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, value[name] as JsonValue]));
}

/** The same map with its keys sorted by code unit, as Go sorts them; undefined stays undefined. */
export function sortedMap<T>(map: Readonly<Record<string, T>> | undefined): Readonly<Record<string, T>> | undefined {
  if (map === undefined) return undefined;
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes)) as unknown;
  } catch (error) {
    throw new Fault('invalid', `not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function valueAt(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields.values, name) ? (fields.values[name] ?? undefined) : undefined;
}

function mapAt<T>(
  fields: Fields,
  name: string,
  read: (value: unknown, path: string) => T,
): Readonly<Record<string, T>> | undefined {
  const map = objectAt(fields, name);
  if (map === undefined) return undefined;
  // fromEntries defines properties and does not assign them, so that a key `__proto__` stays a key.
  return Object.fromEntries(Object.entries(map.values).map(([key, value]) => [key, read(value, pathTo(map, key))]));
}

function asText(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw unexpected(path, 'a string', value);
}

function pathTo(fields: Fields, name: string): string {
  return fields.path === '' ? name : `${fields.path}.${name}`;
}

function unexpected(path: string, wanted: string, value: unknown): Fault {
  const shown = JSON.stringify(value) ?? 'undefined';
  const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
  return new Fault('invalid', `${path === '' ? 'the document' : path} is not ${wanted}: ${short}`);
}

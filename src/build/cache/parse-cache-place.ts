import { parseBoolean, parseCsv } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { parseDigest, parseReference } from '../../oci/index.ts';
import type { CacheCompression, CacheExport, CachePlace } from './cache-place.ts';

/**
 * Reads the value of a `--cache-from` as `docker buildx build` does: `type=TYPE,NAME=VALUE…` as CSV; a name alone is that of
 * an image or a cache in a registry. Fault `invalid` for what cannot be meant; it names what is known.
 */
export function parseCacheFrom(text: string): CachePlace {
  const fields = new SpecFields('cache-from', text);
  const type = fields.type();
  if (type === 'registry') return fields.end({ kind: 'registry', reference: parseReference(fields.required('ref')) });
  if (type !== 'local') throw fields.unknownType(['registry', 'local']);
  const [folder, tag, digest] = [fields.required('src'), fields.take('tag') ?? 'latest', fields.take('digest')];
  return fields.end({ kind: 'local', folder, tag, digest: digest === undefined ? undefined : parseDigest(digest) });
}

/** Reads the value of a `--cache-to`, likewise. */
export function parseCacheTo(text: string): CacheExport {
  const fields = new SpecFields('cache-to', text);
  const type = fields.type();
  if (type === 'inline') return fields.end({ kind: 'inline' });
  if (type !== 'registry' && type !== 'local') throw fields.unknownType(['registry', 'local', 'inline']);
  const place: CachePlace =
    type === 'registry'
      ? { kind: 'registry', reference: parseReference(fields.required('ref')) }
      : { kind: 'local', folder: fields.required('dest'), tag: fields.take('tag') ?? 'latest', digest: undefined };
  const mode = fields.choice('mode', ['min', 'max'], 'min');
  const ignoresErrors = fields.flag('ignore-error');
  fields.mustBeTrue('image-manifest', 'a cache is an image manifest');
  fields.mustBeTrue('oci-mediatypes', 'a cache has the media types of OCI');
  return fields.end({ kind: 'place', place, mode, ignoresErrors, compression: compressionOf(fields) });
}

function compressionOf(fields: SpecFields): CacheCompression {
  const kind = fields.choice('compression', ['gzip', 'zstd', 'uncompressed'], 'gzip');
  const level = fields.take('compression-level');
  const [least, most] = levels[kind];
  if (level !== undefined && (!/^\d{1,2}$/.test(level) || Number(level) < least || Number(level) > most)) {
    throw fields.refused(`compression-level of ${kind} is a number from ${least} to ${most}, not ${level}`);
  }
  const isForced = fields.flag('force-compression');
  return { kind, level: level === undefined ? undefined : Number(level), isForced };
}

/** Where others keep caches. */
const services: ReadonlyMap<string, string> = new Map([
  ['gha', "GitHub's cache service (type gha)"],
  ['s3', "Amazon's S3 (type s3)"],
  ['azblob', "Azure's blob storage (type azblob)"],
]);

const levels = { uncompressed: [0, 0], gzip: [0, 9], zstd: [0, 22] } as const;

/** The attributes; each is taken once, and at the end none may be left. */
class SpecFields {
  readonly #flag: string;
  readonly #text: string;
  readonly #values = new Map<string, string>();
  readonly #known: string[] = [];

  constructor(flag: string, text: string) {
    this.#flag = flag;
    this.#text = text;
    const fields = parseCsv(text) ?? [''];
    if (fields.length === 1 && text !== '' && !text.includes('=')) {
      this.#values.set('type', 'registry').set('ref', text);
      return;
    }
    for (const field of fields) {
      const equals = field.indexOf('=');
      if (equals < 0) throw this.refused(`${JSON.stringify(field)} is not NAME=VALUE`);
      this.#values.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
    }
  }

  type(): string {
    return this.required('type');
  }

  take(name: string): string | undefined {
    this.#known.push(name);
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  required(name: string): string {
    const value = this.take(name) ?? '';
    if (value === '') throw this.refused(`${name} is required`);
    return value;
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.take(name);
    const flag = value === undefined ? otherwise : parseBoolean(value);
    if (flag === undefined) throw this.refused(`${name} is true or false, not ${JSON.stringify(value)}`);
    return flag;
  }

  /** For what others let one choose. */
  mustBeTrue(name: string, fact: string): void {
    if (!this.flag(name, true)) throw this.refused(`${fact}: ${name}=false is not supported`);
  }

  choice<T extends string>(name: string, known: readonly T[], otherwise: T): T {
    const value = this.take(name) ?? otherwise;
    const choice = known.find((each) => each === value);
    if (choice === undefined) {
      throw this.refused(`unknown ${name} ${JSON.stringify(value)}, known are ${known.join(', ')}`);
    }
    return choice;
  }

  /** `result`; Fault `invalid` where attributes are left. */
  end<T>(result: T): T {
    const [left] = this.#values.keys();
    if (left === undefined) return result;
    throw this.refused(`unknown attribute ${JSON.stringify(left)}, known are ${this.#known.toSorted().join(', ')}`);
  }

  unknownType(known: readonly string[]): Fault {
    const type = /(?:^|,)type=([^,]*)/i.exec(this.#text)?.[1] ?? '';
    const service = services.get(type);
    const what = service === undefined ? `unknown type ${JSON.stringify(type)}` : `there is no cache in ${service}`;
    return this.refused(`${what}, known are ${known.join(', ')}`);
  }

  refused(why: string): Fault {
    return new Fault('invalid', `--${this.#flag} ${JSON.stringify(this.#text)}: ${why}`);
  }
}

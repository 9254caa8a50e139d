import { parseBoolean, parseCsv } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { parsePlatform, type Platform } from '../../oci/index.ts';
import type { BuildOutput, NamedOutput, OutputCompression, PackedOutput } from './build-output.ts';
import { annotationAt, annotationPlaces, type Annotation } from './output-annotations.ts';

/**
 * Reads the value of an `--output`, as `docker buildx build` does: `type=TYPE,NAME=VALUE…` as CSV; a path alone is a
 * folder for the tree, `-` alone the tree as a tar on standard output. `host` fills in what a platform leaves out.
 *
 * Fault `invalid` for what cannot be meant, `unsupported` for what is not there; both name what is known.
 */
export function parseOutput(text: string, host: Platform): BuildOutput {
  const fields = parseCsv(text);
  if (fields === undefined || fields.length === 0 || text === '') throw refused(text, 'it is no list of NAME=VALUE');
  const [only = ''] = fields;
  if (fields.length === 1 && only === text && !text.startsWith('type=')) {
    return { kind: text === '-' ? 'tar' : 'local', dest: text, platformSplit: undefined };
  }
  const values = new Attributes(text, fields);
  const type = values.take('type');
  if (type === undefined) throw refused(text, 'type is required');
  const output = outputOf(type, values, host);
  values.end(type);
  return output;
}

const types = ['local', 'tar', 'oci', 'docker', 'image'] as const;

function outputOf(type: string, values: Attributes, host: Platform): BuildOutput {
  switch (type) {
    case 'local':
      return { kind: 'local', dest: values.folder(), platformSplit: values.flag('platform-split') };
    case 'tar':
      return { kind: 'tar', dest: values.take('dest') ?? '-', platformSplit: values.flag('platform-split') };
    case 'oci': {
      const tar = values.flag('tar') ?? true;
      return { kind: 'oci', dest: tar ? (values.take('dest') ?? '-') : values.folder(), tar, ...packed(values, host) };
    }
    case 'docker':
      return { kind: 'docker', dest: values.take('dest'), ...named(values, host) };
    case 'image':
      if (values.flag('push') === true) throw new Fault('unsupported', `output ${values.text}: push is not there yet`);
      return { kind: 'image', ...named(values, host) };
    default:
      throw refused(values.text, `unknown type ${JSON.stringify(type)}, known are ${types.join(', ')}`);
  }
}

function named(values: Attributes, host: Platform): NamedOutput {
  values.require('oci-mediatypes', true);
  values.require('rewrite-timestamp', true);
  const names = (values.take('name') ?? '').split(',').filter((name) => name !== '');
  return { names, annotations: values.annotations(host) };
}

function packed(values: Attributes, host: Platform): PackedOutput {
  return { ...named(values, host), compression: compressionOf(values) };
}

/** gzip where nothing is said, as BuildKit. */
function compressionOf(values: Attributes): OutputCompression {
  const kind = values.take('compression') ?? 'gzip';
  if (!isCompression(kind)) {
    throw refused(values.text, `unknown compression ${JSON.stringify(kind)}, known are uncompressed, gzip, zstd`);
  }
  const level = values.take('compression-level');
  const [least, most] = levels[kind];
  if (level !== undefined && (!/^\d{1,2}$/.test(level) || Number(level) < least || Number(level) > most)) {
    throw refused(values.text, `compression-level of ${kind} is a number from ${least} to ${most}, not ${level}`);
  }
  const forced = values.flag('force-compression') ?? false;
  return { kind, level: level === undefined ? undefined : Number(level), forced };
}

const levels = { uncompressed: [0, 0], gzip: [0, 9], zstd: [0, 22] } as const;

function isCompression(kind: string): kind is OutputCompression['kind'] {
  return Object.hasOwn(levels, kind);
}

/** The attributes of an output; each is taken once, and at the end none may be left. */
class Attributes {
  readonly text: string;
  readonly #values = new Map<string, string>();
  readonly #known: string[] = [];

  constructor(text: string, fields: readonly string[]) {
    this.text = text;
    for (const field of fields) {
      const equals = field.indexOf('=');
      if (equals < 0) throw refused(text, `${JSON.stringify(field)} is not NAME=VALUE`);
      const name = field.slice(0, equals).trim().toLowerCase();
      const isAnnotation = name.startsWith('annotation');
      this.#values.set(isAnnotation ? field.slice(0, equals).trim() : name, field.slice(equals + 1));
    }
  }

  take(name: string): string | undefined {
    this.#known.push(name);
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const flag = parseBoolean(value);
    if (flag === undefined) throw refused(this.text, `${name} is true or false, not ${JSON.stringify(value)}`);
    return flag;
  }

  /** For what is always so here: saying it changes nothing, and the contrary is not to be had. */
  require(name: string, always: boolean): void {
    const asked = this.flag(name);
    if (asked === undefined || asked === always) return;
    throw new Fault('unsupported', `output ${this.text}: ${name} is always ${always}`);
  }

  folder(): string {
    const dest = this.take('dest') ?? '';
    if (dest === '') throw refused(this.text, 'dest is required');
    if (dest === '-') throw refused(this.text, 'dest is a folder, it cannot be standard output');
    return dest;
  }

  annotations(host: Platform): readonly Annotation[] {
    const found: Annotation[] = [];
    this.#known.push('annotation.KEY');
    for (const [name, value] of this.#values) {
      const parts = /^annotation(?:-([a-z-]+))?(?:\[([^\]]*)\])?\.(.+)$/.exec(name);
      const place = annotationPlaces.get(parts?.[1] ?? 'manifest');
      if (parts === null || place === undefined) continue;
      const platform = parts[2] === undefined ? undefined : parsePlatform(parts[2], host);
      found.push(annotationAt(place, { platform, key: parts[3] ?? '', value }));
      this.#values.delete(name);
    }
    return found;
  }

  /** Fault `invalid` for what is left. */
  end(type: string): void {
    const [left] = this.#values.keys();
    if (left === undefined) return;
    throw refused(
      this.text,
      `type ${type} has no ${JSON.stringify(left)}, known are ${this.#known.toSorted().join(', ')}`,
    );
  }
}

function refused(text: string, why: string): Fault {
  return new Fault('invalid', `output ${JSON.stringify(text)}: ${why}`);
}

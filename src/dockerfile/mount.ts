import { parseBoolean, parseCsv } from './csv.ts';
import type { Expansion } from './expand.ts';
import type { MountFlag } from './instruction.ts';
import type { Word } from './position.ts';
import { Refusal } from './refusal.ts';
import { didYouMean } from './suggestion.ts';

/** What a RUN sees beside its root filesystem. */
export interface Mount {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  /** A stage, image or named context; the build context where absent. */
  readonly from?: string;
  readonly source?: string;
  readonly target?: string;
  readonly readOnly: boolean;
  /** Of a tmpfs. */
  readonly sizeBytes?: number;
  readonly id?: string;
  /** Of a cache; `shared` where absent. */
  readonly sharing?: 'shared' | 'private' | 'locked';
  /** Of a secret or an SSH socket: it is an error if it is not provided. */
  readonly required: boolean;
  /** The environment variable that a secret is given in. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type MountResult =
  | { readonly kind: 'mount'; readonly mount: Mount }
  | { readonly kind: 'invalid'; readonly message: string };

type MountFlagResult =
  | { readonly kind: 'flag'; readonly flag: MountFlag }
  | { readonly kind: 'invalid'; readonly message: string };

/** Takes a `--mount` apart. Only what does not depend on variables is checked. */
export function parseMountFlag(word: Word): MountFlagResult {
  const texts = parseCsv(word.text);
  if (texts === undefined) return { kind: 'invalid', message: `failed to parse csv mounts: ${word.text}` };
  const fields = texts.map(fieldOf);
  if (fields.some((field) => field.key === 'from' && /\$./.test(field.value ?? ''))) {
    return { kind: 'invalid', message: "'from' doesn't support variable expansion, define alias stage instead" };
  }
  return { kind: 'flag', flag: { word, fields } };
}

function fieldOf(text: string): MountFlag['fields'][number] {
  const equals = text.indexOf('=');
  if (equals < 0) return { text, key: text.toLowerCase() };
  return { text, key: text.slice(0, equals).toLowerCase(), value: text.slice(equals + 1) };
}

type Draft = { -readonly [K in keyof Mount]?: Mount[K] } & { type: Mount['type']; required: boolean };

/** Expands the values of a `--mount` and checks that they make sense together. */
export function resolveMount(flag: MountFlag, expand: (value: string) => Expansion): MountResult {
  const draft: Draft = { type: 'bind', required: false };
  try {
    for (const field of flag.fields) {
      if (field.value === undefined) applySwitch(draft, field);
      else applyValue(draft, { ...field, value: expanded(field.value, expand) });
    }
    checkTogether(draft);
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'invalid', message: error.message };
    throw error;
  }
  const readOnly = draft.readOnly ?? (draft.type !== 'cache' && draft.type !== 'tmpfs');
  return { kind: 'mount', mount: { ...draft, readOnly } };
}

function expanded(value: string, expand: (value: string) => Expansion): string {
  const result = expand(value);
  if (result.kind === 'failed') throw new Refusal(result.message);
  return result.value;
}

interface Field {
  readonly text: string;
  readonly key: string;
}

function applySwitch(draft: Draft, field: Field): void {
  switch (field.key) {
    case 'readonly':
    case 'ro':
      draft.readOnly = true;
      return;
    case 'readwrite':
    case 'rw':
      draft.readOnly = false;
      return;
    case 'required':
      onlyFor(draft, field, ['secret', 'ssh']);
      draft.required = true;
      return;
    default:
      throw new Refusal(`invalid field '${field.text}' must be a key=value pair`);
  }
}

const keys = [
  'type',
  'from',
  'source',
  'target',
  'readonly',
  'id',
  'sharing',
  'required',
  'size',
  'mode',
  'uid',
  'gid',
  'src',
  'dst',
  'destination',
  'ro',
  'rw',
  'readwrite',
  'env',
];

function applyValue(draft: Draft, field: Field & { readonly value: string }): void {
  const { key, value } = field;
  switch (key) {
    case 'type':
      draft.type = choice(value, ['bind', 'cache', 'tmpfs', 'secret', 'ssh'], 'unsupported mount type');
      return;
    case 'from':
      draft.from = value;
      return;
    case 'source':
    case 'src':
      draft.source = value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      draft.target = value;
      return;
    case 'readonly':
    case 'ro':
      draft.readOnly = flagValue(key, value);
      return;
    case 'readwrite':
    case 'rw':
      draft.readOnly = !flagValue(key, value);
      return;
    case 'required':
      onlyFor(draft, field, ['secret', 'ssh']);
      draft.required = flagValue(key, value);
      return;
    case 'size':
      onlyFor(draft, field, ['tmpfs']);
      draft.sizeBytes = sizeValue(value);
      return;
    case 'id':
      draft.id = value;
      return;
    case 'sharing':
      draft.sharing = choice(value, ['shared', 'private', 'locked'], 'unsupported sharing value');
      return;
    case 'mode':
      draft.mode = numberValue(key, value, 8);
      return;
    case 'uid':
    case 'gid':
      draft[key] = numberValue(key, value, 10);
      return;
    case 'env':
      onlyFor(draft, field, ['secret']);
      draft.env = value;
      return;
    default:
      throw new Refusal(`unexpected key '${key}' in '${field.text}'${didYouMean(key, keys)}`);
  }
}

function onlyFor(draft: Draft, field: Field, types: readonly Mount['type'][]): void {
  if (types.includes(draft.type)) return;
  throw new Refusal(`unexpected key '${field.key}' for mount type '${draft.type}'`);
}

function choice<T extends string>(value: string, values: readonly T[], refusal: string): T {
  const match = values.find((each) => each === value.toLowerCase());
  if (match !== undefined) return match;
  throw new Refusal(`${refusal} ${JSON.stringify(value)}${didYouMean(value, values)}`);
}

function flagValue(key: string, value: string): boolean {
  const flag = parseBoolean(value);
  if (flag === undefined) throw new Refusal(`invalid value for ${key}: ${value}`);
  return flag;
}

function numberValue(key: string, value: string, base: 8 | 10): number {
  const number = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, base) : Number.NaN;
  if (!(number < 2 ** 32)) throw new Refusal(`invalid value ${value} for ${key}`);
  return number;
}

/** `512m`, `1.5GiB`: every unit is a power of 1024. */
function sizeValue(value: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value);
  if (match === null) throw new Refusal(`invalid value for size: ${value}`);
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase());
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

function checkTogether(draft: Draft): void {
  const { type } = draft;
  for (const key of ['mode', 'uid', 'gid'] as const) {
    if (draft[key] === undefined || (type !== 'bind' && type !== 'tmpfs')) continue;
    throw new Refusal(`${key} not allowed for ${JSON.stringify(type)} type mounts`);
  }
  if (type === 'secret') checkSecret(draft);
  if (draft.sharing !== undefined && type !== 'cache') throw new Refusal(`invalid cache sharing set for ${type} mount`);
}

function checkSecret(draft: Draft): void {
  const { from, sharing, source = '', target = '', id = '' } = draft;
  if (from !== undefined && from !== '') throw new Refusal('secret mount should not have a from');
  if (sharing !== undefined) throw new Refusal('secret mount should not define sharing');
  if (source === '' && target === '' && id === '') {
    throw new Refusal('invalid secret mount. one of source, target required');
  }
  if (source !== '' && id !== '') throw new Refusal("both source and id can't be set");
}

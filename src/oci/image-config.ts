import { Fault } from '../errors/index.ts';
import { maxConfigBytes } from './descriptor.ts';
import type { DiffId } from './digest.ts';
import { parseDiffId } from './digest.ts';
import type { EmptyObject, Fields, JsonValue } from './json.ts';
import {
  countAt,
  defined,
  encodeJson,
  fieldsOf,
  flagAt,
  inOrder,
  keySetAt,
  listAt,
  objectAt,
  parseJsonObject,
  required,
  sortedMap,
  textAt,
  textMapAt,
  textsAt,
} from './json.ts';

/**
 * What an image is besides its layers: platform, defaults for its containers, its layers' DiffIds, how each was made
 * (image-spec config.md), with what Docker adds to `config`. The digest of its bytes is the image's ID.
 *
 * Fields that are not listed here (Docker's `container_config`, `docker_version`, …) are passed over when reading; they
 * live on in the bytes, which are kept as they came. An empty value and an absent one mean the same everywhere.
 */
export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly History[];
}

/** Defaults for a container made from the image. */
export interface ContainerConfig {
  readonly User?: string;
  /** Keys are `port/protocol`. */
  readonly ExposedPorts?: Readonly<Record<string, EmptyObject>>;
  /** Each is `NAME=value`. */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, EmptyObject>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  /** Windows: the command line is already escaped. */
  readonly ArgsEscaped?: boolean;
  /** Docker's. */
  readonly Healthcheck?: Healthcheck;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
}

/** How to see that a container works (Docker). Times are in nanoseconds, 0 means the default. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`; empty means inherit. */
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** How one step made the image. Those without `empty_layer` stand for the layers, in order. */
export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Reads an image's config. Over 8 MiB, or not as `ImageConfig` says: `invalid`. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  try {
    if (bytes.length > maxConfigBytes) {
      throw new Fault('invalid', `${bytes.length} bytes are over the limit of ${maxConfigBytes}`);
    }
    return configFrom(parseJsonObject(bytes));
  } catch (error) {
    throw Fault.wrap('parse image config', error);
  }
}

/** The bytes of a config that is made here: fields in the specification's order, maps sorted, no blanks. */
export function encodeImageConfig(image: ImageConfig): Uint8Array {
  const { config, rootfs, history, ...rest } = image;
  const value = {
    ...rest,
    config: config && orderedContainerConfig(config),
    rootfs: inOrder(rootfs, ['type', 'diff_ids']),
    history: history?.map((each) => inOrder(each, historyOrder)),
  };
  return encodeJson(inOrder(value, configOrder));
}

const configOrder = [
  'created',
  'author',
  'architecture',
  'variant',
  'os',
  'os.version',
  'os.features',
  'config',
  'rootfs',
  'history',
] as const;
const containerConfigOrder = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
] as const;
const healthcheckOrder = ['Test', 'Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const;
const historyOrder = ['created', 'created_by', 'author', 'comment', 'empty_layer'] as const;

function orderedContainerConfig(config: ContainerConfig): JsonValue {
  const value = {
    ...config,
    ExposedPorts: sortedMap(config.ExposedPorts),
    Volumes: sortedMap(config.Volumes),
    Labels: sortedMap(config.Labels),
    Healthcheck: config.Healthcheck && inOrder(config.Healthcheck, healthcheckOrder),
  };
  return inOrder(value, containerConfigOrder);
}

function configFrom(fields: Fields): ImageConfig {
  const config = objectAt(fields, 'config');
  return defined({
    created: timeAt(fields, 'created'),
    author: textAt(fields, 'author'),
    architecture: required(fields, 'architecture', textAt),
    variant: textAt(fields, 'variant'),
    os: required(fields, 'os', textAt),
    'os.version': textAt(fields, 'os.version'),
    'os.features': textsAt(fields, 'os.features'),
    config: config && containerConfigFrom(config),
    rootfs: rootfsFrom(required(fields, 'rootfs', objectAt)),
    history: listAt(fields, 'history', historyFrom),
  });
}

function containerConfigFrom(fields: Fields): ContainerConfig {
  const healthcheck = objectAt(fields, 'Healthcheck');
  return defined({
    User: textAt(fields, 'User'),
    ExposedPorts: keySetAt(fields, 'ExposedPorts'),
    Env: listAt(fields, 'Env', variableFrom),
    Entrypoint: textsAt(fields, 'Entrypoint'),
    Cmd: textsAt(fields, 'Cmd'),
    Volumes: keySetAt(fields, 'Volumes'),
    WorkingDir: textAt(fields, 'WorkingDir'),
    Labels: textMapAt(fields, 'Labels'),
    StopSignal: textAt(fields, 'StopSignal'),
    ArgsEscaped: flagAt(fields, 'ArgsEscaped'),
    Healthcheck: healthcheck && healthcheckFrom(healthcheck),
    Shell: textsAt(fields, 'Shell'),
    OnBuild: textsAt(fields, 'OnBuild'),
  });
}

function healthcheckFrom(fields: Fields): Healthcheck {
  return defined({
    Test: textsAt(fields, 'Test'),
    Interval: countAt(fields, 'Interval'),
    Timeout: countAt(fields, 'Timeout'),
    StartPeriod: countAt(fields, 'StartPeriod'),
    StartInterval: countAt(fields, 'StartInterval'),
    Retries: countAt(fields, 'Retries'),
  });
}

function rootfsFrom(fields: Fields): ImageConfig['rootfs'] {
  const type = required(fields, 'type', textAt);
  if (type !== 'layers')
    throw new Fault('unsupported', `rootfs.type is ${JSON.stringify(type)}, only layers are known`);
  // Docker leaves the list out where it is empty.
  const diffIds = listAt(fields, 'diff_ids', (value, path) => {
    if (typeof value !== 'string') throw new Fault('invalid', `${path} is not a string`);
    return parseDiffId(value);
  });
  return { type, diff_ids: diffIds ?? [] };
}

function historyFrom(value: unknown, path: string): History {
  const fields = fieldsOf(value, path);
  return defined({
    created: timeAt(fields, 'created'),
    created_by: textAt(fields, 'created_by'),
    author: textAt(fields, 'author'),
    comment: textAt(fields, 'comment'),
    empty_layer: flagAt(fields, 'empty_layer'),
  });
}

function variableFrom(value: unknown, path: string): string {
  if (typeof value === 'string' && value.includes('=')) return value;
  throw new Fault('invalid', `${path} is not of the form NAME=value`);
}

function timeAt(fields: Fields, name: string): string | undefined {
  const text = textAt(fields, name);
  if (text === undefined || text === '') return undefined;
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text)) return text;
  throw new Fault('invalid', `${name} is not a time as RFC 3339 writes it: ${JSON.stringify(text.slice(0, 40))}`);
}

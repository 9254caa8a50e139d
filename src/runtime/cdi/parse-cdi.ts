import { Fault } from '../../errors/index.ts';
import type { CdiDevice, CdiDeviceNode, CdiEdits, CdiMount } from './cdi-device.ts';

/**
 * The devices that a file of the Container Device Interface describes, from what its JSON or YAML says. Fault `invalid` for
 * what is no such file.
 */
export function parseCdi(value: unknown): readonly CdiDevice[] {
  const spec = new Reading(value, 'the file');
  const version = spec.text('cdiVersion') ?? '';
  if (!/^(0\.[3-8]|1\.[01])\.\d+$/.test(version)) throw invalid(`cdiVersion ${JSON.stringify(version)} is not known`);
  const kind = spec.text('kind') ?? '';
  if (!isKind(kind)) throw invalid(`kind ${JSON.stringify(kind)} is not of the form vendor.com/class`);
  const common = editsOf(spec.child('containerEdits'));
  const annotations = spec.texts('annotations');
  return spec.children('devices').map((device) => {
    const name = device.text('name') ?? '';
    if (!deviceName.test(name)) throw invalid(`device name ${JSON.stringify(name)} cannot be one`);
    return {
      name: `${kind}=${name}`,
      annotations: new Map([...annotations, ...device.texts('annotations')]),
      edits: [common, editsOf(device.child('containerEdits'))],
    };
  });
}

/** True of `vendor.com/class`. */
export function isKind(text: string): boolean {
  return /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(text);
}

const deviceName = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;
const knownEdits: ReadonlySet<string> = new Set(['env', 'deviceNodes', 'mounts', 'additionalGids']);

function editsOf(edits: Reading): CdiEdits {
  return {
    env: edits.list('env').map((each) => matching(each, /^[^=\0]+=[^\0]*$/, 'variable')),
    deviceNodes: edits.children('deviceNodes').map(nodeOf),
    mounts: edits.children('mounts').map(mountOf),
    additionalGids: edits.list('additionalGids').map((each) => whole(each, 'group')),
    refused: edits.names.filter((name) => !knownEdits.has(name)),
  };
}

function nodeOf(node: Reading): CdiDeviceNode {
  const type = node.text('type');
  if (type !== undefined && type !== 'b' && type !== 'c' && type !== 'u' && type !== 'p') {
    throw invalid(`device type ${JSON.stringify(type)} is not known`);
  }
  const permissions = node.text('permissions');
  return {
    path: absolute(node.text('path'), 'device node'),
    hostPath: node.has('hostPath') ? absolute(node.text('hostPath'), 'device node') : undefined,
    type,
    major: node.number('major'),
    minor: node.number('minor'),
    fileMode: node.number('fileMode'),
    permissions: permissions === undefined ? undefined : matching(permissions, /^[rwm]{1,3}$/, 'permissions'),
    uid: node.number('uid'),
    gid: node.number('gid'),
  };
}

function mountOf(mount: Reading): CdiMount {
  return {
    hostPath: absolute(mount.text('hostPath'), 'mount'),
    containerPath: absolute(mount.text('containerPath'), 'mount'),
    options: mount.list('options').map((each) => matching(each, /^[a-z=0-9]+$/, 'mount option')),
    type: mount.text('type'),
  };
}

/** A mapping, asked for what it should hold; empty where there is none. */
class Reading {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) {
      throw invalid(`${what} is no mapping`);
    }
    this.#fields = new Map(Object.entries(value ?? {}));
    this.#what = what;
  }

  get names(): readonly string[] {
    return [...this.#fields.keys()];
  }

  has(name: string): boolean {
    return (this.#fields.get(name) ?? '') !== '';
  }

  text(name: string): string | undefined {
    const value = this.#fields.get(name) ?? '';
    if (typeof value !== 'string') throw invalid(`${name} of ${this.#what} is no text`);
    return value === '' ? undefined : value;
  }

  number(name: string): number | undefined {
    const value = this.#fields.get(name) ?? undefined;
    return value === undefined ? undefined : whole(value, name);
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields.get(name) ?? [];
    if (Array.isArray(value) && value.length <= mostItems) return value as readonly unknown[];
    throw invalid(`${name} of ${this.#what} is no list, or has more than ${mostItems} items`);
  }

  child(name: string): Reading {
    return new Reading(this.#fields.get(name), name);
  }

  children(name: string): readonly Reading[] {
    return this.list(name).map((each) => new Reading(each, name));
  }

  texts(name: string): ReadonlyMap<string, string> {
    const child = this.child(name);
    return new Map(child.names.map((each) => [each, child.text(each) ?? '']));
  }
}

const mostItems = 1000;

function matching(value: unknown, form: RegExp, what: string): string {
  if (typeof value === 'string' && form.test(value)) return value;
  throw invalid(`${what} ${JSON.stringify(value)} cannot be one`);
}

function whole(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw invalid(`${what} ${JSON.stringify(value)} is no number`);
}

function absolute(path: string | undefined, what: string): string {
  if (path !== undefined && path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..'))
    return path;
  throw invalid(`path ${JSON.stringify(path ?? '')} of a ${what} is not absolute`);
}

function invalid(message: string): Fault {
  return new Fault('invalid', message);
}

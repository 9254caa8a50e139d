import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../errors/index.ts';
import type { CdiDevice } from './cdi-device.ts';
import { isKind, parseCdi } from './parse-cdi.ts';

/** Where vendors put their files; of two that describe one device the later folder's counts. */
export const cdiFolders: readonly string[] = ['/etc/cdi', '/var/run/cdi'];

/** The devices of this machine that containers may ask for. */
export interface CdiRegistry {
  /**
   * `vendor.com/class=name` is this device, else all devices whose class annotation is `name`; `vendor.com/class` the first of
   * the kind; `vendor.com/class=*` all of it. Empty where there is none. Fault `invalid` for what is no such name,
   * `conflict` for a device that two files of one folder describe.
   */
  find(name: string): readonly CdiDevice[];
  /** The files that could not be read, each with the reason. */
  readonly problems: readonly string[];
}

/** Reads the files `*.json`, `*.yaml` and `*.yml` of the folders. What cannot be read is a problem of its file alone. */
export async function readCdi(folders: readonly string[] = cdiFolders): Promise<CdiRegistry> {
  const devices = new Map<string, CdiDevice | 'ambiguous'>();
  const problems: string[] = [];
  for (const folder of folders) {
    const found = new Map<string, CdiDevice | 'ambiguous'>();
    for (const path of filesIn(folder)) {
      try {
        for (const device of parseCdi(await readDocument(path))) {
          found.set(device.name, found.has(device.name) ? 'ambiguous' : device);
        }
      } catch (error) {
        problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    for (const [name, device] of found) devices.set(name, device);
  }
  return { find: (name) => findDevices(name, devices), problems };
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /\.(json|ya?ml)$/.test(name));
  return names.toSorted().map((name) => join(folder, name));
}

/** A library for YAML is loaded for files of this kind alone. */
async function readDocument(path: string): Promise<unknown> {
  const { size } = statSync(path);
  if (size > largestFileBytes) throw new Fault('exhausted', `it has more than ${largestFileBytes} bytes`);
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.json')) return JSON.parse(text) as unknown;
  const { parse } = await import('yaml');
  return parse(text, { schema: 'core', maxAliasCount: 100, logLevel: 'error' }) as unknown;
}

const largestFileBytes = 4 << 20;
const classAnnotation = 'org.mobyproject.buildkit.device.class';

function findDevices(wanted: string, devices: ReadonlyMap<string, CdiDevice | 'ambiguous'>): readonly CdiDevice[] {
  const [, kind = '', name] = /^([^=]*)(?:=(.*))?$/s.exec(wanted) ?? [];
  if (!isKind(kind)) throw new Fault('invalid', `invalid device ${JSON.stringify(wanted)}`, { hint: nameHint });
  const ofKind = [...devices].filter(([each]) => each.startsWith(`${kind}=`)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (name === undefined || name === '') return ofKind.slice(0, 1).map(certain);
  if (name === '*') return ofKind.map(certain);
  const exact = ofKind.filter(([each]) => each === wanted);
  if (exact.length > 0) return exact.map(certain);
  return ofKind.map(certain).filter(({ annotations }) => annotations.get(classAnnotation) === name);
}

const nameHint = 'it is vendor.com/class, vendor.com/class=name or vendor.com/class=*';

function certain([name, device]: readonly [string, CdiDevice | 'ambiguous']): CdiDevice {
  if (device !== 'ambiguous') return device;
  throw new Fault('conflict', `device ${name} is described by two files of one folder`);
}

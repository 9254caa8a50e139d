import { posix } from 'node:path';
import { Fault } from '../errors/index.ts';
import { parseBindOption, type BindOption } from '../runtime/index.ts';
import type { RecordedMount } from './container-record.ts';

/** What a container is to have mounted; a volume without a name is to be made for it. */
export type PlannedMount =
  | Exclude<RecordedMount, { readonly kind: 'volume' }>
  | (Omit<Extract<RecordedMount, { readonly kind: 'volume' }>, 'name'> & { readonly name: string | undefined });

/**
 * The mounts that `-v` options and the image's VOLUMEs come to, by target. An option goes before a VOLUME of the same
 * path. Fault `invalid` for what is no mount, `unsupported` for a propagation that varve's own mounts do not take part in.
 */
export function planMounts(options: readonly string[], volumes: readonly string[]): readonly PlannedMount[] {
  const planned = new Map<string, PlannedMount>();
  for (const text of options) {
    const mount = plannedMount(text, parseBindOption(text));
    if (planned.has(mount.target)) throw new Fault('invalid', `duplicate mount point: ${mount.target}`);
    planned.set(mount.target, mount);
  }
  for (const path of volumes) {
    const target = cleanTarget(path);
    if (!planned.has(target)) planned.set(target, anonymous(target, false));
  }
  return [...planned.values()].toSorted((a, b) => (a.target < b.target ? -1 : 1));
}

function plannedMount(text: string, { source, target: given, readonly, propagation }: BindOption): PlannedMount {
  if (!['private', 'rprivate'].includes(propagation)) {
    throw new Fault('unsupported', `mount "${text}": propagation ${propagation} is not supported`, {
      hint: 'leave it out: mounts of the host that are made later are not seen in the container',
    });
  }
  const target = cleanTarget(given);
  if (source === undefined) return anonymous(target, readonly);
  if (source.startsWith('/')) return { kind: 'bind', source: posix.resolve(source), target, readonly };
  return { kind: 'volume', name: checkedVolumeName(source), target, readonly, anonymous: false };
}

function anonymous(target: string, readonly: boolean): PlannedMount {
  return { kind: 'volume', name: undefined, target, readonly, anonymous: true };
}

function cleanTarget(path: string): string {
  const target = posix.resolve('/', path);
  if (target !== '/') return target;
  throw new Fault('invalid', `invalid mount: the target "${path}" is the container's root`);
}

function checkedVolumeName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(name)) return name;
  throw new Fault(
    'invalid',
    `"${name}" includes invalid characters for a local volume name, only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    { hint: 'if you intended to pass a host directory, use an absolute path' },
  );
}

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountSpec, RuntimeSpec } from './runtime-spec.ts';

/** Makes the directory `bundle` (mode 0700) if it is missing and writes `config.json` into it, replacing an earlier one. */
export function writeBundle(bundle: string, spec: RuntimeSpec): void {
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  const written = { ...spec, mounts: spec.mounts.map(withoutNeedlessRecursion) };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(written, withoutLimit), { mode: 0o600 });
}

/** Nothing is mounted below a file, and crun before 1.14.4 fails where it is to look there. */
function withoutNeedlessRecursion(mount: MountSpec): MountSpec {
  if (!mount.options.includes('rro')) return mount;
  if (statSync(mount.source, { throwIfNoEntry: false })?.isFile() !== true) return mount;
  return { ...mount, options: mount.options.filter((option) => option !== 'rro') };
}

/** Of ECMAScript, and not yet of TypeScript. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };

/** The kernel's RLIM_INFINITY, which is more than a number of JavaScript can say. */
const noLimit = rawJSON('18446744073709551615');

function withoutLimit(_name: string, value: unknown): unknown {
  return value === Infinity ? noLimit : value;
}

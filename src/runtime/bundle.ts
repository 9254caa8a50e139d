import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeSpec } from './runtime-spec.ts';

/** Makes the directory `bundle` (mode 0700) if it is missing and writes `config.json` into it, replacing an earlier one. */
export function writeBundle(bundle: string, spec: RuntimeSpec): void {
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec, withoutLimit), { mode: 0o600 });
}

/** Of ECMAScript, and not yet of TypeScript. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };

/** The kernel's RLIM_INFINITY, which is more than a number of JavaScript can say. */
const noLimit = rawJSON('18446744073709551615');

function withoutLimit(_name: string, value: unknown): unknown {
  return value === Infinity ? noLimit : value;
}

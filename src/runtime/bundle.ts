import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeSpec } from './runtime-spec.ts';

/** Makes the directory `bundle` (mode 0700) if it is missing and writes `config.json` into it, replacing an earlier one. */
export function writeBundle(bundle: string, spec: RuntimeSpec): void {
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of a test's own, gone when the test ends: `using`. */
export interface TemporaryFiles extends Disposable {
  readonly path: string;
  write(name: string, bytes: Uint8Array): string;
}

export function temporaryFiles(): TemporaryFiles {
  const path = mkdtempSync(join(tmpdir(), 'varve-test-'));
  return {
    path,
    write: (name, bytes) => {
      mkdirSync(join(path, name, '..'), { recursive: true });
      writeFileSync(join(path, name), bytes);
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  };
}

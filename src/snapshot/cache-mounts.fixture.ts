import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Tree } from '../host/index.ts';
import { openState, type State } from '../state/index.ts';
import { ChildLines } from '../state/state.fixture.ts';
import { bytesOf } from '../std/index.ts';
import { LocalCacheMounts } from './index.ts';

/** The cache mounts of a store in a folder of the test's own: `using`. */
export class TestCacheMounts implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'varve-cache-mounts-'));
  readonly state: State = openState(this.root);
  readonly mounts = new LocalCacheMounts({
    root: this.root,
    records: this.state.cacheMounts,
    locks: this.state.locks,
    clock: { now: Date.now },
  });

  /** A process of its own in which `body` runs: JavaScript that sees `mounts`, `signal`, `forever` and `say`. */
  process(body: string): ChildLines {
    const program = `
      const { LocalCacheMounts } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
      const { openState } = await import(${JSON.stringify(join(import.meta.dirname, '../state/index.ts'))});
      const { writeFileSync, writeSync } = await import('node:fs');
      const root = ${JSON.stringify(this.root)};
      const state = openState(root);
      const mounts = new LocalCacheMounts({ root, records: state.cacheMounts, locks: state.locks, clock: { now: Date.now } });
      const { signal } = new AbortController();
      const say = (text) => writeSync(1, text + '\\n');
      const forever = () => new Promise(() => setInterval(() => {}, 1000));
      ${body}`;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    return new ChildLines(spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: [...stdio] }));
  }

  [Symbol.dispose](): void {
    this.state[Symbol.dispose]();
    using parent = Tree.open(dirname(this.root));
    parent.remove(bytesOf(basename(this.root)));
  }
}

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ChildLines } from '../state/state.fixture.ts';

/**
 * A process of its own that has a test's store open as `layers`: `body` is JavaScript that also sees `holder`, the bytes
 * `tar`, and `say(text)`, which writes one line to the test.
 */
export function layerProcess(
  root: string,
  { body, tar }: { readonly body: string; readonly tar: Uint8Array },
): ChildLines {
  const program = `
    const { FileLayerStore, LayerFiles } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
    const { openState } = await import(${JSON.stringify(join(import.meta.dirname, '../state/index.ts'))});
    const { readFileSync, writeSync } = await import('node:fs');
    const root = ${JSON.stringify(root)};
    const state = openState(root + '/database');
    const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock: { now: Date.now } });
    const holder = { add() {} };
    const say = (text) => writeSync(1, text + '\\n');
    const forever = () => new Promise(() => setInterval(() => {}, 1000));
    const tar = readFileSync(0);
    ${body}
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(tar);
  return new ChildLines(child);
}

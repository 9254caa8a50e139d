import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs common commands of the bundled program on a store of their own, and keeps the code that V8 compiled for them in
 * `<dist>/program.code`. Each begins with what the one before it has left, so that the last one's is all of it. Commands
 * that fail here (no root, no runc) leave less, and the program only starts a little more slowly.
 */
export function precompile(dist: string): void {
  const folder = mkdtempSync('/var/tmp/varve-precompile-');
  try {
    const context = join(folder, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'file'), 'content');
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY file /copied/\n');
    writeFileSync(join(context, 'failing'), 'FROM scratch\nCOPY file /\nRUN ["/file"]\n');
    const build = ['build', '-t', 'sample', context];
    const run = ['run', '--rm', 'sample', '/copied/file'];
    for (const args of [build, build, ['build', '-f', join(context, 'failing'), context], run, ['images'], ['ps']]) {
      keepCode(dist, ['--root', join(folder, 'store'), '--run-root', join(folder, 'run'), ...args]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function keepCode(dist: string, args: readonly string[]): void {
  const [program, code] = [join(dist, 'varve.cjs'), join(dist, 'program.code')];
  const script = `
    const script = require(${JSON.stringify(program)});
    process.once('exit', () => require('node:fs').writeFileSync(${JSON.stringify(code)}, script.createCachedData()));
  `;
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', script, '--', program, ...args], {
    stdio: 'ignore',
  });
}

/** The quick check of a change, under a minute: types, lint, format, the order of the modules, unit tests. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const sources = ['src', 'test', 'scripts', 'bench'].filter((folder) => globSync(`${folder}/**/*.ts`).length > 0);
/** Modules without machine; fuzzing takes as long as all the rest, and is for `npm test`. */
const unitTests = globSync(['src/{errors,std,oci,dockerfile,solver,cli}/**/*.test.ts', 'test/tidy.test.ts'], {
  exclude: ['**/fuzz.test.ts'],
});

step('types', 'tsc', ['-p', '.']);
step('lint', 'oxlint', ['--deny-warnings', ...sources]);
step('format', 'oxfmt', ['--check', ...sources]);
step('unit tests', process.execPath, ['--test', '--test-reporter=dot', '--test-concurrency=2', ...unitTests]);

function step(name: string, command: string, args: readonly string[]): void {
  const startedMs = performance.now();
  const run = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (run.status !== 0) {
    process.stderr.write(`${run.stdout}${run.stderr}\n${name}: failed after ${seconds} s\n`);
    process.exit(1);
  }
  process.stderr.write(`${name}: ok (${seconds} s)\n`);
}

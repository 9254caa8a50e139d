/** Everything, unit to end to end: installs what the tests need, then the quick check, then every test. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { enginePackages, installDebianPackages, testPackages } from './debian-packages.ts';

installDebianPackages([...enginePackages, ...testPackages]);
run(['scripts/bundle.ts']);
run(['scripts/check.ts']);
run([
  '--test',
  '--test-concurrency=2',
  '--test-timeout=900000',
  ...globSync(['src/**/*.test.ts', 'test/**/*.test.ts']),
]);

function run(args: readonly string[]): void {
  const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { stdio: 'inherit' });
  if (child.status !== 0) process.exit(child.status ?? 1);
}

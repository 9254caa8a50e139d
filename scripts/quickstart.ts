/** Installs what is missing, builds the example twice and runs it: the second build runs nothing. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginePackages, installDebianPackages } from './debian-packages.ts';

if (process.getuid?.() !== 0) fail('varve needs root to mount layers and run containers: run it with sudo');
installDebianPackages([...enginePackages, 'busybox-static']);
run('bundle the program', process.execPath, ['scripts/bundle.ts']);

const context = mkdtempSync(join(tmpdir(), 'varve-quickstart-'));
try {
  cpSync('examples/busybox', context, { recursive: true });
  copyFileSync(['/usr/bin/busybox', '/bin/busybox'].find((path) => existsSync(path)) ?? '', join(context, 'busybox'));
  varve('make a base from busybox-static', ['build', '--progress=plain', '-t', 'busybox:local', context]);
} finally {
  rmSync(context, { recursive: true, force: true });
}
varve('build the example', ['build', '--progress=plain', '-t', 'hello', 'examples/hello']);
varve('build it again: every step is reused', ['build', '--progress=plain', '-t', 'hello', 'examples/hello']);
varve('its layers', ['layers', 'hello']);
varve('run it', ['run', '--rm', 'hello']);
process.stderr.write('\nbin/varve is the program: try  bin/varve --help\n');

function varve(what: string, args: readonly string[]): void {
  run(what, 'bin/varve', args);
}

function run(what: string, command: string, args: readonly string[]): void {
  process.stderr.write(`\n--- ${what}\n`);
  if (command === 'bin/varve') process.stderr.write(`$ ${command} ${args.join(' ')}\n`);
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) fail(`${what}: failed with exit code ${status}`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

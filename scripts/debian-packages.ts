import { spawnSync } from 'node:child_process';

/** What the engine needs to run containers. */
export const enginePackages = ['crun', 'runc', 'conmon', 'tini', 'golang-github-containers-common', 'passt'] as const;

/** What the tests need besides: registries, other tools that read and write images, archives and trees. */
export const testPackages = [
  'attr',
  'busybox-static',
  'bzip2',
  'ca-certificates',
  'docker-registry',
  'git',
  'libarchive-tools',
  'mmdebstrap',
  'openssh-client',
  'openssh-server',
  'python3-minimal',
  'python3',
  'qemu-user-static',
  'skopeo',
  'tar',
  'umoci',
  'xz-utils',
  'zstd',
  'iproute2',
  'util-linux',
] as const;

/** Installs the packages of `names` that are missing, with apt; does nothing, and needs no root, when none is. */
export function installDebianPackages(names: readonly string[]): void {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  process.stderr.write(`installing Debian packages: ${missing.join(' ')}\n`);
  apt(['update', '-qq']);
  apt(['install', '-y', '-qq', '--no-install-recommends', ...missing]);
}

function isInstalled(name: string): boolean {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' });
  return query.status === 0 && query.stdout.startsWith('install ok installed');
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = spawnSync('apt-get', ['-o', 'Dpkg::Use-Pty=0', ...args], { env, encoding: 'utf8' });
  if (run.status !== 0)
    throw new Error(`apt-get ${args.join(' ')} failed:\n${run.stdout}${run.stderr}${run.error ?? ''}`);
}

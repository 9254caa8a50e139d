import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Made once a week: it is half a minute's work, and nothing that changes within it. */
const cacheFolder = '/var/cache/varve-tests';
const weekMs = 7 * 24 * 3600 * 1000;

export interface DebianBase {
  /** The tar of a root filesystem. */
  readonly tar: string;
}

/**
 * A minimal Debian of this machine's suite, made by mmdebstrap from the package sources and with the apt settings that
 * the machine has. Where they cannot be reached: why not.
 */
export async function debianBase(): Promise<DebianBase | { readonly unreachable: string }> {
  const suite = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const tar = join(cacheFolder, `debian-${suite}-${Math.floor(Date.now() / weekMs)}.tar`);
  if (existsSync(tar)) return { tar };
  rmSync(cacheFolder, { recursive: true, force: true });
  mkdirSync(cacheFolder, { recursive: true, mode: 0o700 });
  const partial = `${tar}.${process.pid}`;
  try {
    await run('mmdebstrap', ['--variant=minbase', '--format=tar', ...settings(), suite, partial, ...sources()]);
    renameSync(partial, tar);
    return { tar };
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    if (!networkFailure.test(stderr)) throw error;
    return { unreachable: `Debian's packages cannot be fetched: ${networkFailure.exec(stderr)?.[0]}` };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Proxies, certificates and whatever else apt was told on this machine holds in the container too. */
function settings(): readonly string[] {
  return existsSync('/etc/apt/apt.conf.d') ? ['--customize-hook=copy-in /etc/apt/apt.conf.d /etc/apt'] : [];
}

function sources(): readonly string[] {
  return ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].filter(existsSync).slice(0, 1);
}

const networkFailure =
  /(Could not resolve|Could not connect|Temporary failure|Failed to fetch|Connection (timed out|refused)|Network is unreachable)[^\n]*/;

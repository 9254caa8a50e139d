import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, findExecutable, type Tree } from '../host/index.ts';
import { defined } from '../oci/index.ts';
import {
  containerSpec,
  etcFiles,
  resolveUser,
  writeEtcFiles,
  type ContainerMount,
  type RuntimeSpec,
} from '../runtime/index.ts';
import type { ContainerPlace } from './container-directory.ts';
import type { ContainerRecord } from './container-record.ts';
import { containerRights, type LoadSeccomp } from './security-options.ts';

export interface SpecOptions {
  readonly place: ContainerPlace;
  /** The mounted root filesystem. */
  readonly rootfs: Tree;
  /** Volumes and binds. */
  readonly mounts: readonly ContainerMount[];
  readonly loadSeccomp: LoadSeccomp;
}

/** The `config.json` of a container; writes the files of `/etc` that an engine decides below the bundle. */
export function specOf({ settings, config, command }: ContainerRecord, options: SpecOptions): RuntimeSpec {
  const { place, rootfs, mounts, loadSeccomp } = options;
  const { hostname, network, memoryBytes, cpus, pidsLimit } = settings;
  const files = writeEtcFiles(
    join(place.bundle, 'etc'),
    etcFiles({
      hostname,
      network: network === 'host' ? 'host' : 'own',
      hostHosts: textOfFile('/etc/hosts'),
      hostResolvConf: textOfFile('/etc/resolv.conf'),
    }),
  );
  const asked = new Set(mounts.map((mount) => mount.destination));
  return containerSpec({
    rootfs: place.target,
    readonlyRootfs: settings.readOnly,
    args: command,
    env: config.Env ?? [],
    cwd: config.WorkingDir ?? '/',
    user: resolveUser(rootfs, config.User ?? ''),
    hostname,
    shellVariables: true,
    terminal: settings.tty,
    network,
    mounts: [...files.filter((file) => !asked.has(file.destination)), ...mounts],
    ...containerRights(settings, loadSeccomp),
    cgroup: { path: `/varve/${place.id}`, layout: cgroupLayout() },
    limits: defined({ memoryBytes, cpus, pids: pidsLimit !== undefined && pidsLimit > 0 ? pidsLimit : undefined }),
    ...(settings.init ? { init: initProgram() } : {}),
  });
}

/** Makes a fresh folder for the places of binds: what is mounted there is this container's alone. */
export function makeBindFolder({ bundle }: ContainerPlace): string {
  const folder = join(bundle, 'binds');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function initProgram(): string {
  const found = findExecutable('tini-static');
  if (found !== undefined) return found;
  throw new Fault('unavailable', 'start an init in the container: tini-static is not installed', {
    hint: 'apt-get install tini',
  });
}

function textOfFile(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

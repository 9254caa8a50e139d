import { hostname } from 'node:os';
import { posix } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { StoredImage } from '../image/index.ts';
import { defined, type ContainerConfig } from '../oci/index.ts';
import type { ContainerRecord, ContainerSettings } from './container-record.ts';
import type { ContainerOptions } from './containers.ts';
import { checkSecurityOptions } from './security-options.ts';

/** A container as the options over the image's defaults have it, in Docker's way; its mounts and its name apart. */
export type ContainerDraft = Omit<ContainerRecord, 'mounts' | 'life' | 'created' | 'runtime'>;

export function draftContainer(id: string, options: ContainerOptions, image: StoredImage): ContainerDraft {
  const defaults = image.config.config ?? {};
  const config = configOf(options, defaults);
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (command.length === 0) throw new Fault('invalid', 'no command specified', { hint: 'give one after the image' });
  checkSecurityOptions(options.securityOpt);
  return {
    image: options.image,
    imageId: image.imageId,
    architecture: image.config.architecture,
    chain: image.chain,
    command,
    config,
    settings: settingsOf(id, options),
  };
}

function configOf(options: ContainerOptions, defaults: ContainerConfig): ContainerConfig {
  const labels = { ...defaults.Labels, ...Object.fromEntries(options.labels) };
  return defined({
    ...defaults,
    ...commandOf(options, defaults),
    User: options.user ?? defaults.User,
    Env: mergedVariables(defaults.Env ?? [], options.env),
    WorkingDir: workingDirectory(options.workdir ?? defaults.WorkingDir),
    Labels: Object.keys(labels).length === 0 ? undefined : labels,
    StopSignal: options.stopSignal ?? defaults.StopSignal,
  });
}

/** An entrypoint that was asked for takes the image's arguments away: they were meant for the image's own. */
function commandOf(options: ContainerOptions, defaults: ContainerConfig): Pick<ContainerConfig, 'Entrypoint' | 'Cmd'> {
  const given = options.command.length > 0 ? options.command : undefined;
  if (options.entrypoint !== undefined) return { Entrypoint: options.entrypoint, Cmd: given ?? [] };
  return defined({ Entrypoint: defaults.Entrypoint, Cmd: given ?? defaults.Cmd });
}

/** Variables that were asked for come first, then the image's others. A name without a value takes a variable away. */
function mergedVariables(defaults: readonly string[], given: readonly string[]): readonly string[] {
  const variables = new Map<string, string>();
  for (const variable of [...given, ...defaults]) {
    const name = variable.split('=', 1)[0] ?? '';
    if (given.includes(variable) || !variables.has(name)) variables.set(name, variable);
  }
  return [...variables.values()].filter((variable) => variable.includes('='));
}

function workingDirectory(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  if (path.startsWith('/')) return posix.resolve(path);
  throw new Fault('invalid', `the working directory '${path}' is invalid, it needs to be an absolute path`);
}

function settingsOf(id: string, options: ContainerOptions): ContainerSettings {
  const { network, readOnly, autoRemove, init, privileged, capAdd, capDrop, securityOpt } = options;
  return defined({
    hostname: options.hostname ?? (network === 'host' ? hostname() : id.slice(0, 12)),
    tty: options.tty,
    openStdin: options.interactive,
    network,
    readOnly,
    autoRemove,
    init,
    privileged,
    capAdd,
    capDrop,
    securityOpt,
    memoryBytes: options.memoryBytes,
    cpus: options.cpus,
    pidsLimit: options.pidsLimit,
  });
}

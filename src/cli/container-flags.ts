import { resolve } from 'node:path';
import type { ContainerOptions } from '../engine/index.ts';
import type { Context } from './command.ts';
import { collectEnvironment } from './environment.ts';
import { list, text, toggle } from './flags.ts';
import type { FlagValues } from './flags.ts';
import { parseLabels, parseMemoryBytes, parseNumber } from './parse-values.ts';
import { runtimeFlag } from './runtime-flag.ts';
import { parseSignalName } from './signal-name.ts';
import { tlsVerifyFlag } from './tls-verify.ts';

/** The flags that `run` and `create` share: what the container shall be. */
export const containerFlags = {
  'cap-add': list('Add Linux capabilities'),
  'cap-drop': list('Drop Linux capabilities'),
  cpus: text('Number of CPUs', { placeholder: 'decimal' }),
  entrypoint: text('Overwrite the default ENTRYPOINT of the image'),
  env: list('Set environment variables', { short: 'e' }),
  'env-file': list('Read in a file of environment variables'),
  hostname: text('Container host name', { short: 'h' }),
  init: toggle('Run an init inside the container that forwards signals and reaps processes'),
  interactive: toggle('Keep STDIN open even if not attached', { short: 'i' }),
  label: list('Set meta data on a container', { short: 'l' }),
  memory: text('Memory limit', { short: 'm', placeholder: 'bytes' }),
  name: text('Assign a name to the container'),
  network: text('Connect a container to a network', { placeholder: 'network', choices: ['host', 'none'] }),
  'pids-limit': text('Tune container pids limit (set -1 for unlimited)', { placeholder: 'int' }),
  privileged: toggle('Give extended privileges to this container'),
  pull: text('Pull image before running (default "missing")', { choices: ['always', 'missing', 'never'] }),
  quiet: toggle('Suppress the pull output', { short: 'q' }),
  'read-only': toggle("Mount the container's root filesystem as read only"),
  runtime: runtimeFlag,
  rm: toggle('Automatically remove the container when it exits'),
  'security-opt': list('Security Options'),
  'stop-signal': text('Signal to stop the container'),
  'tls-verify': tlsVerifyFlag(),
  tty: toggle('Allocate a pseudo-TTY', { short: 't' }),
  user: text('Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  volume: list('Bind mount a volume', { short: 'v' }),
  workdir: text('Working directory inside the container', { short: 'w' }),
} as const;

export type ContainerFlagValues = FlagValues<typeof containerFlags>;

/** What the engine is asked for; the first operand is the image, the others are the command. */
export function containerOptions(
  flags: ContainerFlagValues,
  [image = '', ...command]: readonly string[],
  context: Pick<Context<unknown>, 'env' | 'signal'>,
): Omit<ContainerOptions, 'onProgress'> {
  return {
    image,
    command,
    env: collectEnvironment(flags['env-file'], flags.env, context.env),
    volumes: flags.volume.map(absoluteSource),
    network: flags.network === 'none' ? 'none' : 'host',
    readOnly: flags['read-only'],
    tty: flags.tty,
    interactive: flags.interactive,
    autoRemove: flags.rm,
    init: flags.init,
    privileged: flags.privileged,
    capAdd: flags['cap-add'],
    capDrop: flags['cap-drop'],
    securityOpt: flags['security-opt'],
    labels: parseLabels(flags.label),
    pull: flags.pull === 'always' || flags.pull === 'never' ? flags.pull : 'missing',
    ...(flags['tls-verify'] ? {} : { tlsVerify: false }),
    signal: context.signal,
    ...named(flags),
    ...limits(flags),
  };
}

function named(flags: ContainerFlagValues): Partial<ContainerOptions> {
  return {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint === '' ? [] : [flags.entrypoint] }),
    ...(flags.workdir === undefined ? {} : { workdir: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
  };
}

function limits(flags: ContainerFlagValues): Partial<ContainerOptions> {
  const pids = flags['pids-limit'];
  const stopSignal = flags['stop-signal'];
  return {
    ...(flags.memory === undefined ? {} : { memoryBytes: parseMemoryBytes(flags.memory) }),
    ...(flags.cpus === undefined ? {} : { cpus: parseNumber(flags.cpus, 'cpus', { whole: false }) }),
    ...(pids === undefined ? {} : { pidsLimit: parseNumber(pids, 'pids-limit', { whole: true, least: -1 }) }),
    ...(stopSignal === undefined ? {} : { stopSignal: parseSignalName(stopSignal) }),
  };
}

/** `./src:/src` means a folder below the current one; what is no path is the name of a volume. */
function absoluteSource(volume: string): string {
  const colon = volume.indexOf(':');
  const source = volume.slice(0, colon < 0 ? 0 : colon);
  return /^\.{1,2}(\/|$)/.test(source) ? resolve(source) + volume.slice(colon) : volume;
}

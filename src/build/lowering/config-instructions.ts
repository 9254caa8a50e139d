import { posix } from 'node:path';
import {
  formatPort,
  parsePorts,
  type CommandLine,
  type Healthcheck,
  type StageInstruction,
} from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { defined, type ContainerConfig } from '../../oci/index.ts';
import { signalNumber } from '../../runtime/index.ts';
import type { Expander } from './expander.ts';

/** Instructions that only change the image's config. WORKDIR is one here: that it also makes a folder is another matter. */
export type ConfigInstruction = Extract<
  StageInstruction,
  {
    kind:
      | 'env'
      | 'label'
      | 'workdir'
      | 'user'
      | 'cmd'
      | 'entrypoint'
      | 'shell'
      | 'expose'
      | 'volume'
      | 'stopsignal'
      | 'healthcheck'
      | 'onbuild'
      | 'maintainer';
  }
>;

export interface ConfigChange {
  readonly config: ContainerConfig;
  /** As `created_by` of the history has it. */
  readonly createdBy: string;
  readonly author?: string;
}

export interface ConfigContext {
  readonly expand: Expander;
  /** True if this stage had a CMD of its own before: an ENTRYPOINT resets only an inherited one. */
  readonly ownCommand: boolean;
}

export const defaultShell: readonly string[] = ['/bin/sh', '-c'];

export function isConfigInstruction(instruction: StageInstruction): instruction is ConfigInstruction {
  return !['run', 'copy', 'add', 'arg'].includes(instruction.kind);
}

/** What the instruction makes of the config (Dockerfile reference; image-spec config.md). Fault `invalid` for a bad value. */
export function applyConfigInstruction(
  config: ContainerConfig,
  instruction: ConfigInstruction,
  context: ConfigContext,
): ConfigChange {
  const { expand } = context;
  switch (instruction.kind) {
    case 'env': {
      const pairs = instruction.variables.map(({ name, value }) => [expand.word(name), expand.word(value)] as const);
      for (const [name] of pairs) if (name === '') throw new Fault('invalid', 'ENV names can not be blank');
      const createdBy = `ENV ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
      return { config: { ...config, Env: withVariables(config.Env ?? [], pairs) }, createdBy };
    }
    case 'label': {
      const pairs = instruction.labels.map(({ name, value }) => [expand.word(name), expand.word(value)] as const);
      for (const [name] of pairs) if (name === '') throw new Fault('invalid', 'LABEL names can not be blank');
      const createdBy = `LABEL ${pairs.map(([name, value]) => `${name}=${value}`).join(' ')}`;
      return { config: { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs) } }, createdBy };
    }
    case 'workdir': {
      const path = posix.resolve(config.WorkingDir || '/', expand.word(instruction.path));
      return { config: { ...config, WorkingDir: path }, createdBy: `WORKDIR ${path}` };
    }
    case 'user': {
      const user = expand.word(instruction.user);
      return { config: { ...config, User: user }, createdBy: `USER ${user}` };
    }
    case 'cmd': {
      const command = commandOf(instruction.command, config);
      return { config: { ...config, Cmd: command, ArgsEscaped: true }, createdBy: `CMD ${JSON.stringify(command)}` };
    }
    case 'entrypoint': {
      const command = commandOf(instruction.command, config);
      const { Cmd: _, ...withoutCommand } = config;
      const kept = context.ownCommand ? config : withoutCommand;
      return { config: { ...kept, Entrypoint: command }, createdBy: `ENTRYPOINT ${JSON.stringify(command)}` };
    }
    case 'shell': {
      const shell = instruction.shell.map((word) => word.text);
      return { config: { ...config, Shell: shell }, createdBy: `SHELL ${JSON.stringify(shell)}` };
    }
    case 'expose':
      return exposed(config, instruction.ports.flatMap(expand.words));
    case 'volume': {
      const paths = instruction.paths.map(expand.word);
      if (paths.includes('')) throw new Fault('invalid', 'VOLUME specified can not be an empty string');
      const volumes = Object.fromEntries(paths.map((path) => [path, {}]));
      return {
        config: { ...config, Volumes: { ...config.Volumes, ...volumes } },
        createdBy: `VOLUME [${paths.join(' ')}]`,
      };
    }
    case 'stopsignal': {
      const signal = expand.word(instruction.signal);
      signalNumber(signal);
      return { config: { ...config, StopSignal: signal }, createdBy: `STOPSIGNAL ${signal}` };
    }
    case 'healthcheck': {
      const check = healthcheckOf(instruction.check);
      return { config: { ...config, Healthcheck: check }, createdBy: `HEALTHCHECK ${JSON.stringify(check)}` };
    }
    case 'onbuild':
      return {
        config: { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.trigger] },
        createdBy: `ONBUILD ${instruction.trigger}`,
      };
    case 'maintainer': {
      const author = instruction.maintainer.text;
      return { config, createdBy: `MAINTAINER ${author}`, author };
    }
  }
}

/** Variables as `NAME=value`; one that is there already keeps its place. */
export function withVariables(env: readonly string[], pairs: Iterable<readonly [string, string]>): readonly string[] {
  const variables = new Map(env.map(splitVariable));
  for (const [name, value] of pairs) variables.set(name, value);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

export function splitVariable(variable: string): readonly [string, string] {
  const equals = variable.indexOf('=');
  return equals < 0 ? [variable, ''] : [variable.slice(0, equals), variable.slice(equals + 1)];
}

function commandOf(command: CommandLine, config: ContainerConfig): readonly string[] {
  if (command.form === 'exec') return command.args.map((word) => word.text);
  return [...(config.Shell ?? defaultShell), command.script.text];
}

function exposed(config: ContainerConfig, words: readonly string[]): ConfigChange {
  const ports = words.flatMap((word) => {
    const result = parsePorts(word);
    if (result.kind === 'invalid') throw new Fault('invalid', result.message);
    return result.ports.map(formatPort);
  });
  const added = Object.fromEntries(ports.map((port) => [port, {}]));
  return {
    config: { ...config, ExposedPorts: { ...config.ExposedPorts, ...added } },
    createdBy: `EXPOSE [${ports.join(' ')}]`,
  };
}

function healthcheckOf(check: 'none' | Healthcheck): NonNullable<ContainerConfig['Healthcheck']> {
  if (check === 'none') return { Test: ['NONE'] };
  const { command, intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries } = check;
  const test =
    command.form === 'shell' ? ['CMD-SHELL', command.script.text] : ['CMD', ...command.args.map((word) => word.text)];
  return defined({
    Test: test,
    Interval: intervalNs || undefined,
    Timeout: timeoutNs || undefined,
    StartPeriod: startPeriodNs || undefined,
    StartInterval: startIntervalNs || undefined,
    Retries: retries || undefined,
  });
}

import { writeFile } from 'node:fs/promises';
import type { BuildOptions, Engine } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { withValue } from '../environment.ts';
import { list, text, toggle } from '../flags.ts';
import type { FlagValues } from '../flags.ts';
import { parseLabels } from '../parse-values.ts';
import type { ProgressMode } from '../progress/build-progress.ts';
import { openProgress } from '../progress/open-progress.ts';

type Needs = Pick<Engine, 'build'>;

const modes = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;

const flags = {
  'build-arg': list('Set build-time variables', { placeholder: 'NAME=VALUE' }),
  file: text('Name of the Dockerfile (default: "PATH/Dockerfile")', { short: 'f' }),
  iidfile: text('Write the image ID to a file', { placeholder: 'file' }),
  label: list('Set metadata for an image', { placeholder: 'NAME=VALUE' }),
  network: text('Set the networking mode for the "RUN" instructions during build', {
    choices: ['default', 'host', 'none'],
  }),
  'no-cache': toggle('Do not use cache when building the image'),
  progress: text('Set type of progress output; default "auto", or $BUILDKIT_PROGRESS', { choices: modes }),
  pull: toggle('Always attempt to pull all referenced images'),
  quiet: toggle('Suppress the build output and print image ID on success', { short: 'q' }),
  tag: list('Name and optionally a tag (format: "name:tag")', { short: 't', placeholder: 'name' }),
  target: text('Set the target build stage to build'),
} as const;

export const build = defineCommand({
  usage: '[OPTIONS] PATH',
  operands: { min: 1, max: 1 },
  flags,
  errorLabel: 'ERROR',
  run: async ({ flags, operands: [path = ''] }, context: Context<Needs>) => {
    const options = buildOptions(flags, path, context);
    const mode = flags.quiet ? 'quiet' : progressMode(flags.progress ?? context.env['BUILDKIT_PROGRESS']);
    const engine = await context.openEngine();
    const progress = openProgress(mode, context.stderr, context.now);
    let result;
    try {
      result = await engine.build({ ...options, onEvent: (event) => progress.event(event) });
    } finally {
      progress.end(result);
    }
    if (flags.iidfile !== undefined) await writeFile(flags.iidfile, result.imageId);
    if (mode === 'quiet') context.stdout.print(`${result.imageId}\n`);
    return 0;
  },
});

function buildOptions(
  given: FlagValues<typeof flags>,
  path: string,
  context: Context<Needs>,
): Omit<BuildOptions, 'onEvent'> {
  return {
    contextDir: checkContext(path),
    tags: given.tag,
    buildArgs: buildArgs(given['build-arg'], context.env),
    noCache: given['no-cache'],
    pull: given.pull,
    network: given.network === 'host' || given.network === 'none' ? given.network : 'default',
    labels: parseLabels(given.label),
    signal: context.signal,
    ...(given.file === undefined ? {} : { file: given.file }),
    ...(given.target === undefined ? {} : { target: given.target }),
  };
}

function checkContext(path: string): string {
  const isRemote = /^(https?|git|ssh):\/\/|^git@|^github\.com\//.test(path);
  if (path === '-') throw new Fault('unsupported', 'build -: reading the context from standard input is not there yet');
  if (isRemote)
    throw new Fault('unsupported', `build ${path}: a URL as context is not there yet`, {
      hint: 'clone it and give the folder',
    });
  return path;
}

function buildArgs(given: readonly string[], env: Context<Needs>['env']): ReadonlyMap<string, string> {
  const pairs = given.flatMap((argument) => withValue(argument, env));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

function progressMode(asked: string | undefined): ProgressMode {
  return modes.find((mode) => mode === asked) ?? 'auto';
}

import type { BuildOptions, Engine, Entitlement } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { withValue } from '../environment.ts';
import { list, text, toggle } from '../flags.ts';
import type { FlagValues } from '../flags.ts';
import { contextLocation, dockerfileLocation, parseContexts } from '../build-contexts.ts';
import { parseLabels } from '../parse-values.ts';
import { printChecks } from './build-check.ts';
import type { ProgressMode } from '../progress/build-progress.ts';
import { openProgress } from '../progress/open-progress.ts';
import { requireWritable, writeResult } from '../result-files.ts';
import { runFlags, runOptions } from '../run-flags.ts';
import { runtimeFlag } from '../runtime-flag.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

type Needs = Pick<Engine, 'build' | 'checkBuild'>;

const modes = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;

const flags = {
  annotation: list('Add annotation to the image', { placeholder: 'KEY=VALUE' }),
  ...runFlags,
  allow: list('Allow extra privileged entitlement ("network.host", "security.insecure", "device[=NAME]")', {
    placeholder: 'entitlement',
  }),
  'build-context': list('Additional build contexts', { placeholder: 'name=path' }),
  'build-arg': list('Set build-time variables', { placeholder: 'NAME=VALUE' }),
  'cache-from': list('External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")', {
    placeholder: 'source',
  }),
  'cache-to': list('Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")', {
    placeholder: 'destination',
  }),
  check: toggle('Check the Dockerfile and build nothing; the exit code says whether there are findings'),
  file: text('Name of the Dockerfile (default: "PATH/Dockerfile")', { short: 'f' }),
  format: text('Format of what --check prints: "json"', { choices: ['json'] }),
  iidfile: text('Write the image ID to a file', { placeholder: 'file' }),
  jobs: text('How many steps run at once (default: as many as there are cores)', { short: 'j', placeholder: 'n' }),
  label: list('Set metadata for an image', { placeholder: 'NAME=VALUE' }),
  'metadata-file': text('Write build result metadata to a file', { placeholder: 'file' }),
  network: text('Set the networking mode for the "RUN" instructions during build', {
    choices: ['default', 'host', 'none'],
  }),
  'no-cache': toggle('Do not use cache when building the image'),
  'no-cache-filter': list('Do not cache specified stages', { placeholder: 'stage' }),
  'no-cache-step': list('Run the step again that progress shows as N/…', { placeholder: '[STAGE:]N' }),
  output: list('Output destination (format: "type=local,dest=path")', { short: 'o', placeholder: 'output' }),
  platform: list('Set target platform for build', { placeholder: 'platform' }),
  progress: text('Set type of progress output; default "auto", or $BUILDKIT_PROGRESS', { choices: modes }),
  pull: toggle('Always attempt to pull all referenced images'),
  quiet: toggle('Suppress the build output and print image ID on success', { short: 'q' }),
  runtime: runtimeFlag,
  tag: list('Name and optionally a tag (format: "name:tag")', { short: 't', placeholder: 'name' }),
  'source-date-epoch': text('Make no time in the image later than this', { placeholder: 'seconds' }),
  target: list('Set the target build stage to build; may be given several times', { placeholder: 'stage' }),
  'tls-verify': tlsVerifyFlag(),
} as const;

export const build = defineCommand({
  usage: '[OPTIONS] PATH | URL | -',
  operands: { min: 1, max: 1 },
  flags,
  errorLabel: 'ERROR',
  run: async ({ flags, operands: [path = ''] }, context: Context<Needs>) => {
    const options = buildOptions(flags, path, context);
    if (flags.check) return printChecks(options, flags.format, context);
    if (flags.format !== undefined) throw new Fault('invalid', '--format is for --check alone');
    const files = resultFiles(flags);
    for (const { flag, file } of files) requireWritable(flag, file);
    const mode = flags.quiet ? 'quiet' : progressMode(flags.progress ?? context.env['BUILDKIT_PROGRESS']);
    const engine = await context.openEngine();
    const progress = openProgress(mode, context.stderr, context.now);
    let result;
    try {
      result = await engine.build({ ...options, onEvent: (event) => progress.event(event) });
    } finally {
      progress.end(result);
    }
    const ids = result.targets.flatMap(({ imageId }) => (imageId === undefined ? [] : [imageId]));
    const contents = { iidfile: ids.join('\n'), 'metadata-file': `${JSON.stringify(result.metadata, undefined, 2)}\n` };
    for (const { flag, file } of files) await writeResult(file, contents[flag], context.stdout);
    if (mode === 'quiet') context.stdout.print(ids.map((id) => `${id}\n`).join(''));
    return 0;
  },
});

type ResultFlag = 'iidfile' | 'metadata-file';

/** What was asked for; an empty name is none, as scripts give where their variable is not set. */
function resultFiles(given: FlagValues<typeof flags>): readonly { readonly flag: ResultFlag; readonly file: string }[] {
  return (['iidfile', 'metadata-file'] as const).flatMap((flag) => {
    const file = given[flag] ?? '';
    return file === '' ? [] : [{ flag, file }];
  });
}

function buildOptions(
  given: FlagValues<typeof flags>,
  path: string,
  context: Context<Needs>,
): Omit<BuildOptions, 'onEvent'> {
  const args = buildArgs(given['build-arg'], context.env);
  const epoch = given['source-date-epoch'] ?? args.get('SOURCE_DATE_EPOCH') ?? context.env['SOURCE_DATE_EPOCH'];
  return {
    context: contextLocation(path, context.stdin),
    contexts: parseContexts(given['build-context']),
    platforms: given.platform,
    allow: entitlements(given.allow),
    tags: given.tag,
    buildArgs: withEpoch(args, epoch),
    cache: {
      off: given['no-cache'],
      offForStages: given['no-cache-filter'].flatMap((each) => each.split(',')).filter((name) => name !== ''),
      offForSteps: given['no-cache-step'].flatMap((each) => each.split(',')),
    },
    cacheFrom: given['cache-from'],
    cacheTo: given['cache-to'],
    pull: given.pull,
    ...(given['tls-verify'] ? {} : { tlsVerify: false }),
    network: given.network === 'host' || given.network === 'none' ? given.network : 'default',
    labels: parseLabels(given.label),
    outputs: given.output,
    annotations: given.annotation,
    ...(context.stdout.isTerminal ? {} : { stdout: (chunk: Uint8Array) => context.stdout.write(chunk) }),
    ...runOptions(given, context.env),
    signal: context.signal,
    ...(given.file === undefined || given.file === ''
      ? {}
      : { file: dockerfileLocation(given.file, path, context.stdin) }),
    targets: given.target.filter((name) => name !== ''),
    ...jobsFrom(given.jobs),
    ...epochFrom(epoch),
  };
}

function buildArgs(given: readonly string[], env: Context<Needs>['env']): ReadonlyMap<string, string> {
  const pairs = given.flatMap((argument) => withValue(argument, env));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** An ARG of that name has it, wherever it was given. */
function withEpoch(args: ReadonlyMap<string, string>, epoch: string | undefined): ReadonlyMap<string, string> {
  return epoch === undefined || epoch === '' ? args : new Map([...args, ['SOURCE_DATE_EPOCH', epoch]]);
}

function entitlements(given: readonly string[]): ReadonlySet<Entitlement> {
  return new Set(given.flatMap((each) => each.split(',')).map(entitlement));
}

function entitlement(text: string): Entitlement {
  const known = (['network.host', 'security.insecure', 'device'] as const).find((each) => each === text);
  if (known !== undefined) return known;
  if (/^device=./.test(text)) return text as `device=${string}`;
  throw new Fault('invalid', `invalid argument ${JSON.stringify(text)} for --allow`, {
    hint: 'known are network.host, security.insecure, device and device=NAME',
  });
}

function jobsFrom(text: string | undefined): Pick<BuildOptions, 'jobs'> {
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new Fault('invalid', `--jobs ${JSON.stringify(text)}: expected a number from 1 on`);
  return { jobs: Number(text) };
}

/** SOURCE_DATE_EPOCH as reproducible-builds.org defines it: seconds since 1970, a decimal number. */
function epochFrom(text: string | undefined): Pick<BuildOptions, 'sourceDateEpochSec'> {
  if (text === undefined || text === '') return {};
  const sec = Number(text);
  if (/^\d{1,12}$/.test(text)) return { sourceDateEpochSec: sec };
  throw new Fault('invalid', `SOURCE_DATE_EPOCH ${JSON.stringify(text)}: expected seconds since 1970`);
}

function progressMode(asked: string | undefined): ProgressMode {
  return modes.find((mode) => mode === asked) ?? 'auto';
}

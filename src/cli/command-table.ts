import type { AnyCommand } from './command.ts';

/** A command and the arguments that are its own. */
export interface FoundCommand {
  /** As the person called it: `images`, `image ls`. */
  readonly name: string;
  readonly summary: string;
  readonly args: readonly string[];
  readonly load: () => Promise<AnyCommand>;
}

/** What each verb does, in one sentence. */
export const summaries = {
  build: 'Build an image from a Dockerfile',
  'cache mounts export': 'Write the content of a cache mount as a tar archive',
  'cache mounts import': 'Replace the content of a cache mount by that of a tar archive',
  'cache mounts ls': 'List what RUN --mount=type=cache keeps between builds',
  'cache mounts rm': 'Remove one or more cache mounts',
  check: 'Check that the store is whole, and repair it',
  commit: "Create a new image from a container's changes",
  'context ls': 'List what a build would see of a directory, or what its ignore file leaves out',
  copy: 'Copy an image between registries, layouts, archives and the store',
  create: 'Create a new container',
  df: 'Show where the space of the store went',
  diff: "Inspect changes to files or directories on a container's filesystem",
  export: "Export a container's filesystem as a tar archive",
  history: 'Show the history of an image',
  images: 'List images',
  import: 'Import the contents from a tarball to create a filesystem image',
  info: 'Show what varve found on this machine',
  inspect: 'Return low-level information on images and containers',
  kill: 'Send a signal to one or more running containers',
  layers: 'Show the layers of an image and the files of each',
  load: 'Load images from a tar archive',
  login: 'Authenticate to a registry',
  logout: 'Log out from a registry',
  logs: 'Fetch the logs of a container',
  'manifest inspect': 'Display an image manifest, or an index, as a registry has it',
  'manifest referrers': 'List what belongs to a manifest in a registry: signatures, bills of materials',
  prune: 'Remove what nothing needs any more',
  ps: 'List containers',
  pull: 'Download an image from a registry',
  'registry serve': 'Serve the store as a registry that other machines pull from and push to',
  push: 'Upload an image to a registry',
  rm: 'Remove one or more containers',
  rmi: 'Remove one or more images',
  run: 'Create and run a new container from an image',
  save: 'Save one or more images to a tar archive',
  start: 'Start one or more stopped containers',
  stop: 'Stop one or more running containers',
  tag: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  tags: 'List the tags of a repository in a registry',
  version: 'Show the version of varve',
  wait: 'Block until one or more containers stop, then print their exit codes',
} as const;

type Verb = keyof typeof summaries;

/** Where each command is: nothing of it is loaded before it is used. The verb that is in no help is varve's own. */
const commands: Readonly<Record<Verb | 'container-ended', FoundCommand['load']>> = {
  build: async () => (await import('./commands/build.ts')).build,
  'cache mounts export': async () => (await import('./commands/cache-mounts-export.ts')).cacheMountsExport,
  'cache mounts import': async () => (await import('./commands/cache-mounts-import.ts')).cacheMountsImport,
  'cache mounts ls': async () => (await import('./commands/cache-mounts-ls.ts')).cacheMountsLs,
  'cache mounts rm': async () => (await import('./commands/cache-mounts-rm.ts')).cacheMountsRm,
  check: async () => (await import('./commands/check.ts')).check,
  commit: async () => (await import('./commands/commit.ts')).commit,
  'context ls': async () => (await import('./commands/context-ls.ts')).contextLs,
  copy: async () => (await import('./commands/copy.ts')).copy,
  create: async () => (await import('./commands/create.ts')).create,
  df: async () => (await import('./commands/df.ts')).df,
  diff: async () => (await import('./commands/diff.ts')).diff,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  history: async () => (await import('./commands/history.ts')).history,
  images: async () => (await import('./commands/images.ts')).images,
  import: async () => (await import('./commands/import.ts')).importCommand,
  info: async () => (await import('./commands/info.ts')).info,
  inspect: async () => (await import('./commands/inspect.ts')).inspect,
  kill: async () => (await import('./commands/kill.ts')).kill,
  layers: async () => (await import('./commands/layers.ts')).layers,
  load: async () => (await import('./commands/load.ts')).load,
  login: async () => (await import('./commands/login.ts')).login,
  logout: async () => (await import('./commands/logout.ts')).logout,
  logs: async () => (await import('./commands/logs.ts')).logs,
  'manifest inspect': async () => (await import('./commands/manifest-inspect.ts')).manifestInspect,
  'manifest referrers': async () => (await import('./commands/manifest-referrers.ts')).manifestReferrers,
  prune: async () => (await import('./commands/prune.ts')).prune,
  ps: async () => (await import('./commands/ps.ts')).ps,
  pull: async () => (await import('./commands/pull.ts')).pull,
  'registry serve': async () => (await import('./commands/registry-serve.ts')).registryServe,
  push: async () => (await import('./commands/push.ts')).push,
  rm: async () => (await import('./commands/rm.ts')).rm,
  rmi: async () => (await import('./commands/rmi.ts')).rmi,
  run: async () => (await import('./commands/run.ts')).run,
  save: async () => (await import('./commands/save.ts')).save,
  start: async () => (await import('./commands/start.ts')).start,
  stop: async () => (await import('./commands/stop.ts')).stop,
  tag: async () => (await import('./commands/tag.ts')).tag,
  tags: async () => (await import('./commands/tags.ts')).tags,
  version: async () => (await import('./commands/version.ts')).version,
  wait: async () => (await import('./commands/wait.ts')).wait,
  'container-ended': async () => (await import('./commands/container-ended.ts')).containerEnded,
};

/** What stands behind one or two words of group: Docker's longer spellings, and verbs that have no shorter one. */
const aliases: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['builder build', ['build']],
  ...['export', 'import', 'ls', 'rm'].map(alone('cache mounts')),
  ...['commit', 'create', 'diff', 'export', 'kill', 'logs', 'rm', 'run', 'start', 'stop', 'wait'].map(
    same('container'),
  ),
  ...['ls'].map(alone('context')),
  ...['inspect', 'referrers'].map(alone('manifest')),
  ...['serve'].map(alone('registry')),
  ['container inspect', ['inspect', '--type=container']],
  ['container list', ['ps']],
  ['container ls', ['ps']],
  ['container ps', ['ps']],
  ['container remove', ['rm']],
  ...['build', 'copy', 'history', 'import', 'layers', 'load', 'pull', 'push', 'save', 'tag'].map(same('image')),
  ['image inspect', ['inspect', '--type=image']],
  ['image list', ['images']],
  ['image ls', ['images']],
  ['image remove', ['rmi']],
  ['image rm', ['rmi']],
  ...['check', 'df', 'info', 'prune'].map(same('system')),
]);

/** The groups, and those in a group, each with what it is for. */
export const groupSummaries: Readonly<Record<string, string>> = {
  builder: 'Manage builds',
  cache: 'Manage what builds keep',
  'cache mounts': 'Manage cache mounts',
  container: 'Manage containers',
  context: 'Look into build contexts',
  image: 'Manage images',
  manifest: 'Look at manifests in registries',
  registry: 'Serve images',
  system: 'Manage the store',
};

/** The group that the words begin with, the inner one of two; '' if there is none. */
export function groupOf(words: readonly string[]): string {
  const names = [words.slice(0, 2).join(' '), words[0] ?? ''];
  return names.find((name) => Object.hasOwn(groupSummaries, name)) ?? '';
}

/** The commands and groups in a group, each with its sentence. */
export function groupVerbs(group: string): (readonly [string, string])[] {
  const all = [...aliases.keys(), ...Object.keys(groupSummaries)].filter((name) => name.startsWith(`${group} `));
  const rests = all.map((name) => name.slice(group.length + 1)).filter((rest) => !rest.includes(' '));
  return rests.toSorted().map((rest) => {
    const name = `${group} ${rest}`;
    return [rest, groupSummaries[name] ?? summaryOf(aliases.get(name)?.[0] ?? '')];
  });
}

export function findCommand(words: readonly string[]): FoundCommand | undefined {
  const count = [3, 2].find((length) => words.length >= length && aliases.has(words.slice(0, length).join(' '))) ?? 1;
  const name = words.slice(0, count).join(' ');
  const [verb = '', ...given] = aliases.get(name) ?? [name];
  if (!Object.hasOwn(commands, verb)) return undefined;
  const args = [...given, ...words.slice(count)];
  return { name, args, summary: summaryOf(verb), load: commands[verb as keyof typeof commands] };
}

/** The verb that was probably meant: at most two letters differ, or one is the beginning of the other. */
export function nearestVerb(word: string, group: string): string | undefined {
  const all =
    group === ''
      ? [...Object.keys(summaries), ...Object.keys(groupSummaries)]
      : groupVerbs(group).map(([name]) => name);
  const candidates = all.filter((name) => !name.includes(' '));
  const ranked = candidates
    .map((name) => [name, distance(word, name)] as const)
    .filter(([name, apart]) => apart <= 2 || (word.length > 2 && name.startsWith(word)))
    .toSorted((a, b) => a[1] - b[1]);
  return ranked[0]?.[0];
}

function summaryOf(verb: string): string {
  return Object.hasOwn(summaries, verb) ? summaries[verb as Verb] : '';
}

/** It has no other spelling. */
function alone(group: string): (verb: string) => [string, readonly string[]] {
  return (verb) => [`${group} ${verb}`, [`${group} ${verb}`]];
}

function same(group: string): (verb: string) => [string, readonly string[]] {
  return (verb) => [`${group} ${verb}`, [verb]];
}

/** Levenshtein's distance; words of a person are short. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= Math.min(a.length, 64); row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replace = (previous[column - 1] ?? 0) + Number(a[row - 1] !== b[column - 1]);
      current.push(Math.min(replace, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

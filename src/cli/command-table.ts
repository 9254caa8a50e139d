import type { AnyCommand } from './command.ts';

/** A verb: its one sentence, and how to get at the command. Nothing of a command is loaded before it is used. */
interface Entry {
  readonly summary: string;
  readonly load: () => Promise<AnyCommand>;
}

/** A command and the arguments that are its own. */
export interface FoundCommand extends Entry {
  /** As the person called it: `images`, `image ls`. */
  readonly name: string;
  readonly args: readonly string[];
}

export const verbs: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  [
    'build',
    { summary: 'Build an image from a Dockerfile', load: async () => (await import('./commands/build.ts')).build },
  ],
  [
    'check',
    {
      summary: 'Check that the store is whole, and repair it',
      load: async () => (await import('./commands/check.ts')).check,
    },
  ],
  [
    'commit',
    {
      summary: "Create a new image from a container's changes",
      load: async () => (await import('./commands/commit.ts')).commit,
    },
  ],
  ['create', { summary: 'Create a new container', load: async () => (await import('./commands/create.ts')).create }],
  [
    'df',
    { summary: 'Show where the space of the store went', load: async () => (await import('./commands/df.ts')).df },
  ],
  [
    'diff',
    {
      summary: "Inspect changes to files or directories on a container's filesystem",
      load: async () => (await import('./commands/diff.ts')).diff,
    },
  ],
  [
    'export',
    {
      summary: "Export a container's filesystem as a tar archive",
      load: async () => (await import('./commands/export.ts')).exportCommand,
    },
  ],
  [
    'history',
    { summary: 'Show the history of an image', load: async () => (await import('./commands/history.ts')).history },
  ],
  ['images', { summary: 'List images', load: async () => (await import('./commands/images.ts')).images }],
  [
    'import',
    {
      summary: 'Import the contents from a tarball to create a filesystem image',
      load: async () => (await import('./commands/import.ts')).importCommand,
    },
  ],
  [
    'info',
    { summary: 'Show what varve found on this machine', load: async () => (await import('./commands/info.ts')).info },
  ],
  [
    'inspect',
    {
      summary: 'Return low-level information on images and containers',
      load: async () => (await import('./commands/inspect.ts')).inspect,
    },
  ],
  [
    'kill',
    {
      summary: 'Send a signal to one or more running containers',
      load: async () => (await import('./commands/kill.ts')).kill,
    },
  ],
  [
    'layers',
    {
      summary: 'Show the layers of an image and the files of each',
      load: async () => (await import('./commands/layers.ts')).layers,
    },
  ],
  ['logs', { summary: 'Fetch the logs of a container', load: async () => (await import('./commands/logs.ts')).logs }],
  [
    'prune',
    { summary: 'Remove what nothing needs any more', load: async () => (await import('./commands/prune.ts')).prune },
  ],
  ['ps', { summary: 'List containers', load: async () => (await import('./commands/ps.ts')).ps }],
  [
    'pull',
    { summary: 'Download an image from a registry', load: async () => (await import('./commands/pull.ts')).pull },
  ],
  ['rm', { summary: 'Remove one or more containers', load: async () => (await import('./commands/rm.ts')).rm }],
  ['rmi', { summary: 'Remove one or more images', load: async () => (await import('./commands/rmi.ts')).rmi }],
  [
    'run',
    {
      summary: 'Create and run a new container from an image',
      load: async () => (await import('./commands/run.ts')).run,
    },
  ],
  [
    'save',
    {
      summary: 'Save one or more images to a tar archive',
      load: async () => (await import('./commands/save.ts')).save,
    },
  ],
  [
    'start',
    { summary: 'Start one or more stopped containers', load: async () => (await import('./commands/start.ts')).start },
  ],
  [
    'stop',
    { summary: 'Stop one or more running containers', load: async () => (await import('./commands/stop.ts')).stop },
  ],
  [
    'tag',
    {
      summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
      load: async () => (await import('./commands/tag.ts')).tag,
    },
  ],
  [
    'version',
    { summary: 'Show the version of varve', load: async () => (await import('./commands/version.ts')).version },
  ],
  [
    'wait',
    {
      summary: 'Block until one or more containers stop, then print their exit codes',
      load: async () => (await import('./commands/wait.ts')).wait,
    },
  ],
]);

/** Called by varve itself, and in no help. */
const inner: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  [
    'container-ended',
    {
      summary: 'Record that a container has ended',
      load: async () => (await import('./commands/container-ended.ts')).containerEnded,
    },
  ],
]);

/** Docker's longer spellings: group and verb, and the arguments that they stand for. */
const aliases: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['builder build', ['build']],
  ...['commit', 'create', 'diff', 'export', 'kill', 'logs', 'rm', 'run', 'start', 'stop', 'wait'].map(
    same('container'),
  ),
  ['container inspect', ['inspect', '--type=container']],
  ['container list', ['ps']],
  ['container ls', ['ps']],
  ['container ps', ['ps']],
  ['container remove', ['rm']],
  ...['build', 'history', 'import', 'layers', 'pull', 'save', 'tag'].map(same('image')),
  ['image inspect', ['inspect', '--type=image']],
  ['image list', ['images']],
  ['image ls', ['images']],
  ['image remove', ['rmi']],
  ['image rm', ['rmi']],
  ...['check', 'df', 'info', 'prune'].map(same('system')),
]);

const groups: ReadonlySet<string> = new Set([...aliases.keys()].map((name) => name.split(' ')[0] ?? ''));

export function isGroup(word: string): boolean {
  return groups.has(word);
}

/** The commands of a group, each with its sentence. */
export function groupVerbs(group: string): (readonly [string, string])[] {
  const names = [...aliases.keys()].filter((name) => name.startsWith(`${group} `)).toSorted();
  return names.map((name) => [name.slice(group.length + 1), verbs.get(aliases.get(name)?.[0] ?? '')?.summary ?? '']);
}

export function findCommand(words: readonly string[]): FoundCommand | undefined {
  const [first = '', second = '', ...rest] = words;
  const alias = aliases.get(`${first} ${second}`);
  if (alias !== undefined) {
    const entry = verbs.get(alias[0] ?? '');
    return entry && { ...entry, name: `${first} ${second}`, args: [...alias.slice(1), ...rest] };
  }
  const entry = verbs.get(first) ?? inner.get(first);
  return entry && { ...entry, name: first, args: words.slice(1) };
}

/** The verb that was probably meant: at most two letters differ, or one is the beginning of the other. */
export function nearestVerb(word: string, group: string): string | undefined {
  const candidates = group === '' ? [...verbs.keys(), ...groups] : groupVerbs(group.trim()).map(([name]) => name);
  const ranked = candidates
    .map((name) => [name, distance(word, name)] as const)
    .filter(([name, apart]) => apart <= 2 || (word.length > 2 && name.startsWith(word)))
    .toSorted((a, b) => a[1] - b[1]);
  return ranked[0]?.[0];
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

import type { Containers, ContainerSummary } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { matchesAny, matchesLabels, parseFilters, splitOnce } from '../filters.ts';
import type { Filters } from '../filters.ts';
import { list, text, toggle } from '../flags.ts';
import { ellipsis, formatAge, formatTime, shortId } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';
import { parseNumber } from '../parse-values.ts';
import { quoteGo } from '../template/printf.ts';

interface Needs {
  readonly containers: Pick<Containers, 'list'>;
}

const headings = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  State: 'STATE',
  Status: 'STATUS',
  Ports: 'PORTS',
  Names: 'NAMES',
  Labels: 'LABELS',
};
const columns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'];
const states = ['created', 'running', 'exited', 'dead'];
const commandWidth = 20;

export const ps = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: {
    all: toggle('Show all containers (default shows just running)', { short: 'a' }),
    filter: list('Filter output based on conditions provided: ancestor, id, label, name, status', {
      short: 'f',
      placeholder: 'filter',
    }),
    format: listFormatFlag,
    last: text('Show n last created containers (includes all states)', { short: 'n', placeholder: 'int' }),
    latest: toggle('Show the latest created container (includes all states)', { short: 'l' }),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only display container IDs', { short: 'q' }),
  },
  run: async ({ flags }, context: Context<Needs>) => {
    const filters = parseFilters(flags.filter, ['ancestor', 'id', 'label', 'name', 'status']);
    checkStates(filters.get('status'));
    const last = flags.latest
      ? 1
      : flags.last === undefined
        ? undefined
        : parseNumber(flags.last, 'last', { whole: true, least: -1 });
    const all = flags.all || filters.has('status') || (last !== undefined && last >= 0);
    const { containers } = await context.openEngine();
    const found = containers.list({ all }).filter((container) => isWanted(container, filters));
    const shown = last === undefined || last < 0 ? found : found.slice(0, last);
    const rows = shown.map((each) => containerRow(each, { noTrunc: flags['no-trunc'], nowMs: context.now() }));
    if (flags.quiet && flags.format === undefined)
      context.stdout.print(rows.map(({ ID }) => `${String(ID)}\n`).join(''));
    else context.stdout.print(formatList(rows, { headings, columns }, flags.format));
    return 0;
  },
});

function containerRow(container: ContainerSummary, options: { noTrunc: boolean; nowMs: number }): ListRow {
  return {
    ID: options.noTrunc ? container.id : shortId(container.id),
    Image: container.image,
    Command: quoteGo(options.noTrunc ? container.command : ellipsis(container.command, commandWidth)),
    CreatedAt: formatTime(container.created),
    RunningFor: formatAge(container.created, options.nowMs),
    State: container.state,
    Status: container.status,
    Ports: '',
    Names: container.name,
    Labels: [...container.labels].map(([name, value]) => `${name}=${value}`).join(','),
    Label: (name: string) => container.labels.get(name) ?? '',
  };
}

function isWanted(container: ContainerSummary, filters: Filters): boolean {
  return (
    matchesAny(filters.get('status'), (status) => container.state === status) &&
    matchesAny(filters.get('name'), (pattern) => namePattern(pattern).test(`/${container.name}`)) &&
    matchesAny(filters.get('id'), (id) => container.id.startsWith(id)) &&
    matchesAny(filters.get('ancestor'), (image) => isAncestor(container, image)) &&
    matchesLabels(filters.get('label'), container.labels)
  );
}

function isAncestor({ image, imageId }: ContainerSummary, wanted: string): boolean {
  const [name = '', tag] = splitOnce(image, ':');
  const isId =
    /^(sha256:)?[\da-f]{4,64}$/.test(wanted) &&
    imageId.replace(/^sha256:/, '').startsWith(wanted.replace(/^sha256:/, ''));
  return (
    isId ||
    wanted === image ||
    (wanted === name && (tag === undefined || tag === 'latest')) ||
    wanted === `${image}:latest`
  );
}

/** Docker takes the name as a regular expression, for the name with and without the `/` that it puts before it. */
function namePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern.replace(/^\^(?!\/)/, '^/'));
  } catch (error) {
    throw new Fault('invalid', `invalid filter 'name=${pattern}': not a regular expression`, { cause: error });
  }
}

function checkStates(wanted: readonly string[] | undefined): void {
  const unknown = wanted?.find((state) => !states.includes(state));
  if (unknown !== undefined)
    throw new Fault('invalid', `invalid filter 'status=${unknown}'`, { hint: `there are ${states.join(', ')}` });
}

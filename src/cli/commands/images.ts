import type { Images, ImageSummary } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { globPattern, matchesAny, matchesLabels, parseFilters } from '../filters.ts';
import type { Filters } from '../filters.ts';
import { list, toggle } from '../flags.ts';
import { formatAge, formatSize, formatTime, shortId } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow, ListShape } from '../list-format.ts';

interface Needs {
  readonly images: Pick<Images, 'list' | 'inspect'>;
}

const headings = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
};

export const images = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  operands: { min: 0, max: 1 },
  flags: {
    all: toggle('Show all images (so it is without: none is hidden)', { short: 'a' }),
    digests: toggle('Show digests'),
    filter: list('Filter output based on conditions provided: dangling, label, reference', {
      short: 'f',
      placeholder: 'filter',
    }),
    format: listFormatFlag,
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show image IDs', { short: 'q' }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const filters = parseFilters(flags.filter, ['dangling', 'label', 'reference']);
    const engine = await context.openEngine();
    const found = engine.images.list().filter((image) => isWanted(image, { filters, reference: operands[0], engine }));
    const rows = found.map((image) => imageRow(image, { noTrunc: flags['no-trunc'], nowMs: context.now() }));
    if (flags.quiet && flags.format === undefined)
      context.stdout.print(rows.map(({ ID }) => `${String(ID)}\n`).join(''));
    else context.stdout.print(formatList(rows, shape(flags.digests), flags.format));
    return 0;
  },
});

function shape(digests: boolean): ListShape {
  const names = digests ? ['Repository', 'Tag', 'Digest'] : ['Repository', 'Tag'];
  return { headings, columns: [...names, 'ID', 'CreatedSince', 'Size'] };
}

function imageRow(image: ImageSummary, options: { noTrunc: boolean; nowMs: number }): ListRow {
  return {
    ID: options.noTrunc ? image.imageId : shortId(image.imageId),
    Repository: image.repository,
    Tag: image.tag,
    Digest: image.digest === '' ? '<none>' : image.digest,
    CreatedSince: formatAge(image.created, options.nowMs),
    CreatedAt: formatTime(image.created),
    Size: formatSize(image.sizeBytes),
  };
}

interface Wish {
  readonly filters: Filters;
  readonly reference: string | undefined;
  readonly engine: Needs;
}

function isWanted(image: ImageSummary, { filters, reference, engine }: Wish): boolean {
  const isDangling = image.tag === '<none>' && image.repository === '<none>';
  return (
    (reference === undefined || matchesReference(image, reference)) &&
    matchesAny(filters.get('reference'), (pattern) => matchesReference(image, pattern)) &&
    matchesAny(filters.get('dangling'), (value) => isDangling === /^(1|t|true)$/i.test(value)) &&
    (!filters.has('label') || matchesLabels(filters.get('label'), labelsOf(engine.images.inspect(image.imageId))))
  );
}

/** As Docker: the pattern may stand for the name alone or for name and tag. */
function matchesReference({ repository, tag }: ImageSummary, pattern: string): boolean {
  if (repository === '<none>') return false;
  const glob = globPattern(pattern.replace(/^docker\.io\/(library\/)?/, ''));
  return glob.test(repository) || glob.test(`${repository}:${tag}`);
}

function labelsOf(inspected: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const config = inspected['Config'] as { readonly Labels?: Readonly<Record<string, string>> | null } | undefined;
  return new Map(Object.entries(config?.Labels ?? {}));
}

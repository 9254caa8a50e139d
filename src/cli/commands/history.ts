import type { HistoryRow, Images } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { ellipsis, formatAge, formatSize, shortId } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';

interface Needs {
  readonly images: Pick<Images, 'history'>;
}

const headings = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};
const instructionWidth = 45;

export const history = defineCommand({
  usage: '[OPTIONS] IMAGE',
  operands: { min: 1, max: 1 },
  flags: {
    format: listFormatFlag,
    human: toggle('Print sizes and dates in human readable format', { short: 'H', initial: true }),
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show image IDs', { short: 'q' }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    const options = { noTrunc: flags['no-trunc'], human: flags.human, nowMs: context.now() };
    const rows = images.history(operands[0] ?? '').map((row) => listRow(row, options));
    const columns = ['ID', flags.human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment'];
    if (flags.quiet && flags.format === undefined)
      context.stdout.print(rows.map(({ ID }) => `${String(ID)}\n`).join(''));
    else context.stdout.print(formatList(rows, { headings, columns }, flags.format));
    return 0;
  },
});

function listRow(row: HistoryRow, options: { noTrunc: boolean; human: boolean; nowMs: number }): ListRow {
  const createdBy = row.createdBy.replaceAll('\t', ' ');
  return {
    ID: options.noTrunc || row.id.startsWith('<') ? row.id : shortId(row.id),
    CreatedSince: formatAge(row.created, options.nowMs),
    CreatedAt: row.created.replace(/\.\d+/, ''),
    CreatedBy: options.noTrunc ? createdBy : ellipsis(createdBy, instructionWidth),
    Size: options.human ? formatSize(row.sizeBytes) : String(row.sizeBytes),
    Comment: row.comment,
  };
}

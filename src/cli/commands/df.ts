import type { System, UsageRow } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { formatSize } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';
import { usageWords } from '../usage-kinds.ts';

interface Needs {
  readonly system: Pick<System, 'df'>;
}

const headings = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' };

export const df = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: { format: listFormatFlag },
  run: async ({ flags }, context: Context<Needs>) => {
    const { system } = await context.openEngine();
    context.stdout.print(
      formatList((await system.df()).map(listRow), { headings, columns: Object.keys(headings) }, flags.format),
    );
    return 0;
  },
});

function listRow(row: UsageRow): ListRow {
  const share = row.sizeBytes > 0 ? ` (${Math.floor((row.reclaimableBytes * 100) / row.sizeBytes)}%)` : '';
  return {
    Type: usageWords[row.kind].many,
    TotalCount: String(row.total),
    Active: String(row.active),
    Size: formatSize(row.sizeBytes),
    Reclaimable: formatSize(row.reclaimableBytes) + share,
  };
}

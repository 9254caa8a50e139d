import type { Caches, CacheSummary } from '../../engine/index.ts';
import { bytesOf, showBytes } from '../../std/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { ellipsis, formatAge, formatSize, shortId } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';

interface Needs {
  readonly caches: Pick<Caches, 'list'>;
}

const headings = {
  ID: 'ID',
  Key: 'KEY',
  Size: 'SIZE',
  Created: 'CREATED',
  LastUsed: 'LAST USED',
  Uses: 'USES',
  InUse: 'IN USE',
  Sharing: 'SHARING',
  Folders: 'FOLDERS',
  Owner: 'OWNER',
  Mode: 'MODE',
};

const columns = ['ID', 'Key', 'Size', 'Created', 'LastUsed', 'Uses', 'InUse'];

export const cacheMountsLs = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: {
    format: listFormatFlag,
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show keys', { short: 'q' }),
  },
  run: async ({ flags }, context: Context<Needs>) => {
    const { caches } = await context.openEngine();
    const options = { noTrunc: flags['no-trunc'], nowMs: context.now() };
    const rows = (await caches.list()).map((cache) => listRow(cache, options));
    if (flags.quiet && flags.format === undefined)
      context.stdout.print(rows.map(({ Key }) => `${String(Key)}\n`).join(''));
    else context.stdout.print(formatList(rows, { headings, columns }, flags.format));
    return 0;
  },
});

function listRow(cache: CacheSummary, { noTrunc, nowMs }: { noTrunc: boolean; nowMs: number }): ListRow {
  const id = showBytes(bytesOf(cache.id));
  return {
    ID: noTrunc ? id : ellipsis(id, 40),
    Key: noTrunc ? cache.key : shortId(cache.key),
    Size: formatSize(cache.sizeBytes),
    Created: formatAge(cache.created, nowMs),
    LastUsed: cache.lastUsed === undefined ? 'never' : formatAge(cache.lastUsed, nowMs),
    Uses: String(cache.uses),
    InUse: String(cache.isInUse),
    Sharing: cache.sharing ?? '',
    Folders: String(cache.folderCount),
    Owner: `${cache.uid}:${cache.gid}`,
    Mode: cache.mode.toString(8).padStart(4, '0'),
  };
}

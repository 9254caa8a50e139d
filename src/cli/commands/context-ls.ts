import type { ContextRow, Engine } from '../../engine/index.ts';
import { bytesOf, showBytes } from '../../std/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { formatSize } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';

const headings = {
  Path: 'PATH',
  Type: 'TYPE',
  Size: 'SIZE',
  Rule: 'RULE',
  File: 'FILE',
  Line: 'LINE',
  Pattern: 'PATTERN',
};

export const contextLs = defineCommand({
  usage: '[OPTIONS] [DIR]',
  operands: { min: 0, max: 1 },
  flags: {
    file: text('Name of the Dockerfile, which may have an ignore file of its own (default: "DIR/Dockerfile")', {
      short: 'f',
    }),
    format: listFormatFlag,
    ignored: toggle('List what is left out, and the line of the ignore file that says so'),
    quiet: toggle('Only show paths', { short: 'q' }),
  },
  run: async ({ flags, operands: [dir = '.'] }, context: Context<Pick<Engine, 'listContext'>>) => {
    const { ignored, file, format, quiet } = flags;
    const engine = await context.openEngine();
    const show = quiet && format === undefined ? paths : lister(format, ignored);
    const total = { files: 0, sizeBytes: 0 };
    for await (const rows of engine.listContext({ dir, ignored, ...(file === undefined ? {} : { file }) })) {
      context.signal.throwIfAborted();
      await context.stdout.write(show(rows));
      for (const { type, sizeBytes } of rows) {
        if (type !== 'dir') total.files += 1;
        total.sizeBytes += sizeBytes;
      }
    }
    context.stderr.print(`${totalText(total, ignored)}\n`);
    return 0;
  },
});

function paths(rows: readonly ContextRow[]): string {
  return rows.map(({ path }) => `${showBytes(path)}\n`).join('');
}

/** Formats batch after batch; what is said once is above the first. Columns are as wide as each batch needs. */
function lister(format: string | undefined, ignored: boolean): (rows: readonly ContextRow[]) => string {
  const columns = ignored ? ['Path', 'Type', 'Size', 'Rule'] : ['Path', 'Type', 'Size'];
  const isTable = /^\s*(table\b|$)/.test(format ?? '');
  let isFirst = true;
  return (rows) => {
    const listed = formatList(rows.map(listRow), { headings, columns }, format);
    const shown = isFirst || !isTable ? listed : listed.slice(listed.indexOf('\n') + 1);
    isFirst = false;
    return shown;
  };
}

function listRow({ path, type, sizeBytes, rule }: ContextRow): ListRow {
  const pattern = rule === undefined ? '' : showBytes(bytesOf(rule.text));
  return {
    Path: showBytes(path),
    Type: type,
    Size: type === 'file' ? formatSize(sizeBytes) : '-',
    Rule: rule === undefined ? '' : `${rule.file}:${rule.line}: ${pattern}`,
    File: rule?.file ?? '',
    Line: rule === undefined ? '' : String(rule.line),
    Pattern: pattern,
  };
}

/** Folders that are left out are not looked into: what is in them is not counted. */
function totalText({ files, sizeBytes }: { files: number; sizeBytes: number }, ignored: boolean): string {
  const count = `${files} ${files === 1 ? 'file' : 'files'}, ${formatSize(sizeBytes)}`;
  return ignored ? `left out: ${count}, not counting what is in folders` : `in the context: ${count}`;
}

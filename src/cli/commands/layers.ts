import type { Images, LayerRow } from '../../engine/index.ts';
import { showBytes } from '../../std/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { escapeControls } from '../escape-controls.ts';
import { toggle } from '../flags.ts';
import { ellipsis, formatSize, shortId } from '../human.ts';
import { formatList, listFormatFlag } from '../list-format.ts';
import type { ListRow } from '../list-format.ts';

interface Needs {
  readonly images: Pick<Images, 'layers' | 'layerTree'>;
}

const headings = {
  Number: 'LAYER',
  Instruction: 'INSTRUCTION',
  DiffID: 'DIFF ID',
  Size: 'SIZE',
  Added: 'ADDED',
  Changed: 'CHANGED',
  Deleted: 'DELETED',
};
const columns = ['Number', 'Instruction', 'DiffID', 'Size', 'Added', 'Changed', 'Deleted'];
const instructionWidth = 45;
/** Paths are written in pieces of about this size. */
const pieceLength = 64 * 1024;

export const layers = defineCommand({
  usage: '[OPTIONS] IMAGE [LAYER]',
  operands: { min: 1, max: 2 },
  flags: {
    format: listFormatFlag,
    'no-trunc': toggle("Don't truncate output"),
    quiet: toggle('Only show diff IDs', { short: 'q' }),
    tree: toggle(
      'Show the paths that LAYER (number, diff ID; default every layer) adds (A), modifies (M) or deletes (D)',
    ),
  },
  run: async ({ flags, operands: [image = '', layer] }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    if (layer !== undefined) return showTree(images.layerTree(image, layer), context);
    const rows = images.layers(image);
    if (flags.tree) return showTrees(image, rows, context);
    const listed = rows.map((row) => listRow(row, flags['no-trunc'] || flags.quiet));
    if (flags.quiet) context.stdout.print(listed.map(({ DiffID }) => `${String(DiffID)}\n`).join(''));
    else context.stdout.print(formatList(listed, { headings, columns }, flags.format));
    return 0;
  },
});

function listRow(row: LayerRow, noTrunc: boolean): ListRow {
  const instruction = row.instruction.replaceAll(/\s+/g, ' ');
  return {
    Number: row.number,
    Instruction: noTrunc ? instruction : ellipsis(instruction, instructionWidth),
    DiffID: noTrunc ? row.diffId : shortId(row.diffId),
    Size: formatSize(row.sizeBytes),
    Added: row.added,
    Changed: row.modified,
    Deleted: row.deleted,
  };
}

async function showTrees(image: string, rows: readonly LayerRow[], context: Context<Needs>): Promise<number> {
  const { images } = await context.openEngine();
  for (const row of rows) {
    await context.stdout.write(
      `${row.number > 1 ? '\n' : ''}${row.number} ${shortId(row.diffId)} ${escapeControls(row.instruction)}\n`,
    );
    await showTree(images.layerTree(image, row.diffId), context);
  }
  return 0;
}

async function showTree(paths: ReturnType<Images['layerTree']>, { stdout, signal }: Context<Needs>): Promise<number> {
  let piece = '';
  for (const { kind, path } of paths) {
    piece += `${kind} ${showBytes(path)}\n`;
    if (piece.length < pieceLength) continue;
    signal.throwIfAborted();
    await stdout.write(piece);
    piece = '';
  }
  await stdout.write(piece);
  return 0;
}

import type { Caches } from '../../engine/index.ts';
import { writeArchive } from '../archive-output.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text } from '../flags.ts';

interface Needs {
  readonly caches: Pick<Caches, 'export'>;
}

export const cacheMountsExport = defineCommand({
  usage: '[OPTIONS] ID',
  operands: { min: 1, max: 1 },
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o', placeholder: 'file' }) },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    await writeArchive(flags.output, context.stdout, async (write) => {
      const { caches } = await context.openEngine();
      await caches.export(name, { write, signal: context.signal });
    });
    return 0;
  },
});

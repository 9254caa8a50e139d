import type { Containers } from '../../engine/index.ts';
import { writeArchive } from '../archive-output.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text } from '../flags.ts';

interface Needs {
  readonly containers: Pick<Containers, 'exportTree'>;
}

export const exportCommand = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  operands: { min: 1, max: 1 },
  flags: { output: text('Write to a file, instead of STDOUT', { short: 'o', placeholder: 'file' }) },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    await writeArchive(flags.output, context.stdout, async (write) => {
      const { containers } = await context.openEngine();
      for await (const piece of containers.exportTree(name, { signal: context.signal })) await write(piece);
    });
    return 0;
  },
});

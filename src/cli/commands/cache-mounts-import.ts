import type { Caches } from '../../engine/index.ts';
import { takeArchive } from '../archive-input.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';

interface Needs {
  readonly caches: Pick<Caches, 'import'>;
}

export const cacheMountsImport = defineCommand({
  usage: 'ID file|-',
  operands: { min: 2, max: 2 },
  flags: {},
  run: async ({ operands: [name = '', file = ''] }, context: Context<Needs>) => {
    const { caches } = await context.openEngine();
    const { key } = await takeArchive(file, {
      during: 'import',
      stdin: () => context.stdin,
      take: (tar) => caches.import(name, tar, { signal: context.signal }),
    });
    context.stdout.print(`${key}\n`);
    return 0;
  },
});

import type { Containers } from '../../engine/index.ts';
import { showBytes } from '../../std/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';

interface Needs {
  readonly containers: Pick<Containers, 'diff'>;
}

export const diff = defineCommand({
  usage: 'CONTAINER',
  operands: { min: 1, max: 1 },
  flags: {},
  run: async ({ operands: [name = ''] }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    const lines = containers.diff(name).map(({ kind, path }) => `${kind} ${showBytes(path)}\n`);
    await context.stdout.write(lines.join(''));
    return 0;
  },
});

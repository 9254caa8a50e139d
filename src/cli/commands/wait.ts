import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { forEachName } from '../for-each-name.ts';

interface Needs {
  readonly containers: Pick<Containers, 'wait'>;
}

export const wait = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: {},
  run: async ({ operands }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    return forEachName(operands, context, async (name) => {
      context.stdout.print(`${await containers.wait(name, { signal: context.signal })}\n`);
    });
  },
});

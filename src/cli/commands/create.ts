import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { containerFlags } from '../container-flags.ts';
import { createContainer } from '../create-container.ts';

interface Needs {
  readonly containers: Pick<Containers, 'create'>;
}

export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  flags: containerFlags,
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const { id } = await createContainer(flags, operands, context);
    context.stdout.print(`${id}\n`);
    return 0;
  },
});

import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';

interface Needs {
  readonly containers: Pick<Containers, 'containerEnded'>;
}

/** What the monitor of a container runs when the container has ended; not for people. */
export const containerEnded = defineCommand({
  usage: 'ID',
  operands: { min: 1, max: 1 },
  flags: {},
  run: async ({ operands: [id = ''] }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    await containers.containerEnded(id);
    return 0;
  },
});

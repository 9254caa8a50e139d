import type { Containers } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';

interface Needs {
  readonly containers: Pick<Containers, 'remove'>;
}

export const rm = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: { force: toggle('Force the removal of a running container (uses SIGKILL)', { short: 'f' }) },
  run: async ({ flags: { force }, operands }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    return forEachName(operands, context, async (name) => {
      try {
        await containers.remove(name, { force });
        context.stdout.print(`${name}\n`);
      } catch (error) {
        const isGoneAnyhow = force && Fault.is(error, 'not-found');
        if (!isGoneAnyhow) throw error;
        context.report(error);
      }
    });
  },
});

import type { Caches } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';

interface Needs {
  readonly caches: Pick<Caches, 'list' | 'remove'>;
}

export const cacheMountsRm = defineCommand({
  usage: '[OPTIONS] ID [ID...]',
  operands: { min: 0, max: Number.POSITIVE_INFINITY },
  flags: { all: toggle('Remove all cache mounts', { short: 'a' }) },
  run: async ({ flags: { all }, operands }, context: Context<Needs>) => {
    if (all === operands.length > 0) {
      throw new Fault(
        'invalid',
        all ? 'name cache mounts, or give --all: not both' : 'name a cache mount, or give --all',
      );
    }
    const { caches } = await context.openEngine();
    const names = all ? (await caches.list()).map(({ key }) => key) : operands;
    return forEachName(names, context, async (name) => {
      const { key } = await caches.remove(name);
      context.stdout.print(`${all ? key : name}\n`);
    });
  },
});

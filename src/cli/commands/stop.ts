import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';
import { parseNumber } from '../parse-values.ts';

interface Needs {
  readonly containers: Pick<Containers, 'stop'>;
}

export const stop = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: {
    time: text('Seconds to wait before killing the container (default 10)', { short: 't', placeholder: 'int' }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const timeoutMs = parseNumber(flags.time ?? '10', 'time', { whole: true }) * 1000;
    const { containers } = await context.openEngine();
    return forEachName(operands, context, async (name) => {
      await containers.stop(name, { timeoutMs, signal: context.signal });
      context.stdout.print(`${name}\n`);
    });
  },
});

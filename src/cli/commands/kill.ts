import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';
import { parseSignalName } from '../signal-name.ts';

interface Needs {
  readonly containers: Pick<Containers, 'kill'>;
}

export const kill = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: { signal: text('Signal to send to the container (default "KILL")', { short: 's' }) },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const signalName = parseSignalName(flags.signal ?? 'KILL');
    const { containers } = await context.openEngine();
    return forEachName(operands, context, (name) => {
      containers.kill(name, signalName);
      context.stdout.print(`${name}\n`);
    });
  },
});

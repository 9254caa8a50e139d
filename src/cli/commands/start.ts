import type { Containers } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { attach, windowSize } from '../attach.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';

interface Needs {
  readonly containers: Pick<Containers, 'start' | 'inspect'>;
}

export const start = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: {
    attach: toggle('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
    interactive: toggle("Attach container's STDIN", { short: 'i' }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    if (flags.attach || flags.interactive) return startAttached(operands, flags.interactive, context);
    return forEachName(operands, context, async (name) => {
      await containers.start(name, { attach: false, signal: context.signal });
      context.stdout.print(`${name}\n`);
    });
  },
});

async function startAttached(names: readonly string[], interactive: boolean, context: Context<Needs>): Promise<number> {
  const [name = ''] = names;
  if (names.length > 1) throw new Fault('invalid', 'you cannot start and attach multiple containers at once');
  const { containers } = await context.openEngine();
  const config = containers.inspect(name)['Config'] as
    | { readonly Tty?: boolean; readonly OpenStdin?: boolean }
    | undefined;
  const tty = config?.Tty === true;
  const size = tty ? windowSize(context) : undefined;
  const terminal = size === undefined ? {} : { terminalSize: size };
  const session = await containers.start(name, { attach: true, signal: context.signal, ...terminal });
  return attach(session, { tty, interactive: interactive && config?.OpenStdin === true }, context);
}

import type { Containers } from '../../engine/index.ts';
import { attach, checkTerminal, windowSize } from '../attach.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { containerFlags } from '../container-flags.ts';
import { createContainer } from '../create-container.ts';
import { toggle } from '../flags.ts';

interface Needs {
  readonly containers: Pick<Containers, 'create' | 'start'>;
}

/** The engine failed: neither the command's own code nor 126 or 127, which say that it could not be run. */
const engineFailed = 125;

export const run = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  flags: { ...containerFlags, detach: toggle('Run container in background and print container ID', { short: 'd' }) },
  failureCode: (error) => {
    const code = error instanceof Error && 'exitCode' in error ? error.exitCode : undefined;
    return typeof code === 'number' ? code : engineFailed;
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const attached = { tty: flags.tty, interactive: flags.interactive };
    if (!flags.detach) checkTerminal(attached, context.stdin);
    const { id } = await createContainer(flags, operands, context);
    const { containers } = await context.openEngine();
    const size = attached.tty ? windowSize(context) : undefined;
    const session = await containers.start(id, {
      attach: !flags.detach,
      signal: context.signal,
      ...(size === undefined ? {} : { terminalSize: size }),
    });
    if (!flags.detach) return attach(session, attached, context);
    context.stdout.print(`${id}\n`);
    return 0;
  },
});

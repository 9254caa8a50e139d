import type { Containers } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { list, text, toggle } from '../flags.ts';

interface Needs {
  readonly containers: Pick<Containers, 'commit'>;
}

export const commit = defineCommand({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  operands: { min: 1, max: 2 },
  flags: {
    author: text('Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', { short: 'a' }),
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Commit message', { short: 'm' }),
    pause: toggle('Pause container during commit', { short: 'p', initial: true }),
  },
  run: async ({ flags, operands: [container = '', name] }, context: Context<Needs>) => {
    const { containers } = await context.openEngine();
    const { imageId } = await containers.commit(container, {
      changes: flags.change,
      pause: flags.pause,
      signal: context.signal,
      ...(name === undefined ? {} : { name }),
      ...(flags.author === undefined ? {} : { author: flags.author }),
      ...(flags.message === undefined ? {} : { message: flags.message }),
    });
    context.stdout.print(`${imageId}\n`);
    return 0;
  },
});

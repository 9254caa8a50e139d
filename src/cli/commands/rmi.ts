import type { Images } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { forEachName } from '../for-each-name.ts';

interface Needs {
  readonly images: Pick<Images, 'remove'>;
}

export const rmi = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: { force: toggle('Force removal of the image', { short: 'f' }) },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    return forEachName(operands, context, (name) => {
      for (const removed of images.remove(name, { force: flags.force })) {
        context.stdout.print(
          'untagged' in removed ? `Untagged: ${removed.untagged}\n` : `Deleted: ${removed.deleted}\n`,
        );
      }
    });
  },
});

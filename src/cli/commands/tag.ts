import type { Images } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';

interface Needs {
  readonly images: Pick<Images, 'tag'>;
}

export const tag = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  operands: { min: 2, max: 2 },
  flags: {},
  run: async ({ operands: [source = '', target = ''] }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    images.tag(source, target);
    return 0;
  },
});

import type { Images } from '../../engine/index.ts';
import { takeArchive } from '../archive-input.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { list, text } from '../flags.ts';

interface Needs {
  readonly images: Pick<Images, 'importTar'>;
}

export const importCommand = defineCommand({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  operands: { min: 1, max: 2 },
  flags: {
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Set commit message for imported image', { short: 'm' }),
    platform: text('Set platform of the image'),
  },
  run: async ({ flags, operands: [file = '', name] }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    const options = {
      changes: flags.change,
      signal: context.signal,
      ...(name === undefined ? {} : { name }),
      ...(flags.message === undefined ? {} : { message: flags.message }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    };
    const url = /^https?:\/\//.test(file) ? URL.parse(file) : null;
    const { imageId } =
      url !== null
        ? await images.importTar(url, options)
        : await takeArchive(file, {
            during: 'import',
            stdin: () => context.stdin,
            take: (tar) => images.importTar(tar, options),
          });
    context.stdout.print(`${imageId}\n`);
    return 0;
  },
});

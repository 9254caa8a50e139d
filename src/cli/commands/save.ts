import type { Images } from '../../engine/index.ts';
import { writeArchive } from '../archive-output.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { list, text } from '../flags.ts';

interface Needs {
  readonly images: Pick<Images, 'save'>;
}

export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: {
    format: text('Format of the archive (default "oci"); "docker" is for older programs', {
      choices: ['oci', 'docker'],
    }),
    since: list('Leave out the layers of these images, which whoever loads the archive has', {
      placeholder: 'image,...',
    }),
    output: text('Write to a file, instead of STDOUT', { short: 'o', placeholder: 'file' }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const since = flags.since.flatMap((names) => names.split(',')).filter((name) => name !== '');
    await writeArchive(flags.output, context.stdout, async (write) => {
      const { images } = await context.openEngine();
      await images.save(operands, {
        format: flags.format === 'docker' ? 'docker' : 'oci',
        write,
        ...(since.length === 0 ? {} : { since }),
        signal: context.signal,
      });
    });
    return 0;
  },
});

import type { Images, PullResult } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { showTransfer } from '../progress/show-transfer.ts';
import { familiarReference, splitReference } from '../reference-display.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly images: Pick<Images, 'pull'>;
}

export const pull = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  operands: { min: 1, max: 1 },
  flags: {
    'all-platforms': toggle('Download the images for all platforms, and the index that names them'),
    platform: text('Set platform if the image is multi-platform'),
    quiet: toggle('Suppress verbose output', { short: 'q' }),
    'tls-verify': tlsVerifyFlag(),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { tag, digest } = splitReference(name);
    if (flags['all-platforms'] && flags.platform !== undefined) {
      throw new Fault('invalid', "pull: '--all-platforms' and '--platform' cannot be used together");
    }
    const { images } = await context.openEngine();
    if (!flags.quiet && tag === undefined && digest === undefined) context.stdout.print('Using default tag: latest\n');
    const transfer = showTransfer(context.stdout, { quiet: flags.quiet, now: context.now });
    const result = await images.pull(name, {
      signal: context.signal,
      onProgress: (event) => transfer.show(event),
      ...(flags['all-platforms'] ? { allPlatforms: true } : {}),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
      ...(flags['tls-verify'] ? {} : { tlsVerify: false }),
    });
    transfer.end();
    context.stdout.print(flags.quiet ? `${result.reference}\n` : formatPulled(result));
    return 0;
  },
});

function formatPulled({ reference, digest, changed }: PullResult): string {
  const status = changed ? 'Downloaded newer image for' : 'Image is up to date for';
  return `Digest: ${digest}\nStatus: ${status} ${familiarReference(reference)}\n${reference}\n`;
}

import type { CopyResult, Images } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { showTransfer } from '../progress/show-transfer.ts';

interface Needs {
  readonly images: Pick<Images, 'copy'>;
}

export const copy = defineCommand({
  usage: '[OPTIONS] SOURCE DESTINATION',
  operands: { min: 2, max: 2 },
  flags: {
    all: toggle('Copy the images for all platforms, and the index that names them', { short: 'a' }),
    platform: text('Copy the image for this platform, if there are several'),
    quiet: toggle('Print the digest only', { short: 'q' }),
  },
  run: async ({ flags, operands: [from = '', to = ''] }, context: Context<Needs>) => {
    const { images } = await context.openEngine();
    const transfer = showTransfer(context.stderr, {
      quiet: flags.quiet || !context.stderr.isTerminal,
      now: context.now,
    });
    const result = await images.copy(from, to, {
      all: flags.all,
      signal: context.signal,
      onProgress: (event) => transfer.show(event),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    });
    transfer.end();
    context.stdout.print(flags.quiet ? `${result.digest}\n` : formatCopied(result, to));
    return 0;
  },
});

function formatCopied({ digest, sourceDigest, changed }: CopyResult, to: string): string {
  const status = changed ? `Copied to ${to}` : `Already there: ${to}`;
  const before = sourceDigest === undefined || sourceDigest === digest ? '' : `Digest here: ${sourceDigest}\n`;
  return `${before}Digest: ${digest}\nStatus: ${status}\n`;
}

import type { CopyResult, Images } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { compressionFlags, compressionOptions } from '../compression-flags.ts';
import { text, toggle } from '../flags.ts';
import { showTransfer } from '../progress/show-transfer.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly images: Pick<Images, 'copy'>;
}

export const copy = defineCommand({
  usage: '[OPTIONS] SOURCE DESTINATION',
  operands: { min: 2, max: 2 },
  flags: {
    all: toggle('Copy the images for all platforms, and the index that names them', { short: 'a' }),
    'all-platforms': toggle('The same as --all'),
    ...compressionFlags,
    'dest-tls-verify': tlsVerifyFlag('Require TLS, and a certificate that is trusted, of the registry that is written'),
    platform: text('Copy the image for this platform, if there are several'),
    quiet: toggle('Print the digest only', { short: 'q' }),
    'src-tls-verify': tlsVerifyFlag('Require TLS, and a certificate that is trusted, of the registry that is read'),
  },
  run: async ({ flags, operands: [from = '', to = ''] }, context: Context<Needs>) => {
    const all = flags.all || flags['all-platforms'];
    if (all && flags.platform !== undefined) {
      throw new Fault('invalid', "copy: '--all' and '--platform' cannot be used together");
    }
    const { images } = await context.openEngine();
    const transfer = showTransfer(context.stderr, {
      quiet: flags.quiet || !context.stderr.isTerminal,
      now: context.now,
    });
    const result = await images.copy(from, to, {
      all,
      signal: context.signal,
      onProgress: (event) => transfer.show(event),
      ...(flags['src-tls-verify'] ? {} : { sourceTlsVerify: false }),
      ...(flags['dest-tls-verify'] ? {} : { targetTlsVerify: false }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
      ...compressionOptions(flags),
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

import type { Images } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { compressionFlags, compressionOptions } from '../compression-flags.ts';
import { text, toggle } from '../flags.ts';
import { showPush } from '../progress/show-push.ts';
import { fullRepository, splitReference } from '../reference-display.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly images: Pick<Images, 'push'>;
}

export const push = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  operands: { min: 1, max: 1 },
  flags: {
    'all-platforms': toggle(
      'Push the images for all platforms, and the index that names them (default for such a name)',
    ),
    ...compressionFlags,
    platform: text('Push the image for this platform alone, of an image for several'),
    quiet: toggle('Suppress verbose output', { short: 'q' }),
    'tls-verify': tlsVerifyFlag(),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { quiet, platform, 'all-platforms': allPlatforms } = flags;
    const { tag, digest } = splitReference(name);
    if (allPlatforms && platform !== undefined) {
      throw new Fault('invalid', "push: '--all-platforms' and '--platform' cannot be used together");
    }
    const { images } = await context.openEngine();
    if (!quiet && tag === undefined && digest === undefined) context.stdout.print('Using default tag: latest\n');
    if (!quiet) context.stdout.print(`The push refers to repository [${fullRepository(name)}]\n`);
    const view = showPush(context.stdout, { quiet, now: context.now });
    const result = await images.push(name, {
      signal: context.signal,
      onProgress: (event) => view.show(event),
      tlsVerify: flags['tls-verify'],
      ...(platform === undefined ? {} : { platform }),
      ...(allPlatforms ? { allPlatforms } : {}),
      ...compressionOptions(flags),
    });
    view.end();
    const said = `${tag ?? digest ?? 'latest'}: digest: ${result.digest} size: ${result.sizeBytes}\n`;
    context.stdout.print(quiet ? `${result.reference}\n` : said);
    return 0;
  },
});

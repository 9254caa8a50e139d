import type { Images, PushOptions } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { parseNumber } from '../parse-values.ts';
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
    compression: text('How layers that were not pulled are compressed (default "gzip")', {
      choices: ['gzip', 'zstd', 'uncompressed'],
    }),
    'compression-level': text('0 to 9 for gzip (default 4), 1 to 22 for zstd (default 3)', { placeholder: 'int' }),
    platform: text('Push the image for this platform alone, of an image for several'),
    quiet: toggle('Suppress verbose output', { short: 'q' }),
    'tls-verify': tlsVerifyFlag,
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { quiet, platform, compression, 'compression-level': level } = flags;
    const { tag, digest } = splitReference(name);
    const { images } = await context.openEngine();
    if (!quiet && tag === undefined && digest === undefined) context.stdout.print('Using default tag: latest\n');
    if (!quiet) context.stdout.print(`The push refers to repository [${fullRepository(name)}]\n`);
    const view = showPush(context.stdout, { quiet, now: context.now });
    const result = await images.push(name, {
      signal: context.signal,
      onProgress: (event) => view.show(event),
      tlsVerify: flags['tls-verify'],
      ...(platform === undefined ? {} : { platform }),
      ...(compression === undefined ? {} : { compression: compression as NonNullable<PushOptions['compression']> }),
      ...(level === undefined ? {} : { compressionLevel: compressionLevel(level, compression) }),
    });
    view.end();
    const said = `${tag ?? digest ?? 'latest'}: digest: ${result.digest} size: ${result.sizeBytes}\n`;
    context.stdout.print(quiet ? `${result.reference}\n` : said);
    return 0;
  },
});

function compressionLevel(given: string, compression = 'gzip'): number {
  const [least, most] = compression === 'zstd' ? [1, 22] : [0, 9];
  const level = parseNumber(given, 'compression-level', { whole: true, least });
  if (level <= most) return level;
  throw new Fault('invalid', `invalid argument "${given}" for "--compression-level" flag: more than ${most}`);
}

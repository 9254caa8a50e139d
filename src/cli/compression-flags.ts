import type { PushOptions } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { text, type FlagValues } from './flags.ts';
import { parseNumber } from './parse-values.ts';

/** How layers that were not pulled are packed for their way. */
export const compressionFlags = {
  compression: text('How layers that were not pulled are compressed (default "gzip")', {
    choices: ['gzip', 'zstd', 'uncompressed'],
  }),
  'compression-level': text('0 to 9 for gzip (default 2), 1 to 22 for zstd (default 3)', { placeholder: 'int' }),
} as const;

type Compression = Pick<PushOptions, 'compression' | 'compressionLevel'>;

export function compressionOptions(flags: FlagValues<typeof compressionFlags>): Compression {
  const { compression, 'compression-level': level } = flags;
  return {
    ...(compression === undefined ? {} : { compression: compression as NonNullable<Compression['compression']> }),
    ...(level === undefined ? {} : { compressionLevel: levelFor(level, compression) }),
  };
}

function levelFor(given: string, compression = 'gzip'): number {
  const [least, most] = compression === 'zstd' ? [1, 22] : [0, 9];
  const level = parseNumber(given, 'compression-level', { whole: true, least });
  if (level <= most) return level;
  throw new Fault('invalid', `invalid argument "${given}" for "--compression-level" flag: more than ${most}`);
}

import { createReadStream } from 'node:fs';
import type { Images } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { list, text } from '../flags.ts';
import type { InputStream } from '../output.ts';

interface Needs {
  readonly images: Pick<Images, 'importTar'>;
}

const readBytes = 1024 * 1024;

export const importCommand = defineCommand({
  usage: '[OPTIONS] file|- [REPOSITORY[:TAG]]',
  operands: { min: 1, max: 2 },
  flags: {
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Set commit message for imported image', { short: 'm' }),
    platform: text('Set platform of the image'),
  },
  run: async ({ flags, operands: [file = '', name] }, context: Context<Needs>) => {
    if (/^https?:\/\//.test(file))
      throw new Fault('unsupported', `import ${file}: importing from a URL is not there yet`);
    const tar = file === '-' ? bytesOfInput(context.stdin) : bytesOfFile(file);
    const { images } = await context.openEngine();
    const { imageId } = await images.importTar(tar, {
      changes: flags.change,
      signal: context.signal,
      ...(name === undefined ? {} : { name }),
      ...(flags.message === undefined ? {} : { message: flags.message }),
      ...(flags.platform === undefined ? {} : { platform: flags.platform }),
    });
    context.stdout.print(`${imageId}\n`);
    return 0;
  },
});

async function* bytesOfFile(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: readBytes });
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw isMissing
      ? new Fault('not-found', `no such file: ${file}`, { cause: error })
      : Fault.wrap(`read ${file}`, error);
  }
}

async function* bytesOfInput(stdin: InputStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stdin) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

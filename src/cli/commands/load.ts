import type { Images } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { takeArchive } from '../archive-input.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { showTransfer } from '../progress/show-transfer.ts';
import { familiarReference } from '../reference-display.ts';

interface Needs {
  readonly images: Pick<Images, 'load'>;
}

export const load = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: {
    input: text('Read from tar archive file, instead of STDIN', { short: 'i', placeholder: 'file' }),
    quiet: toggle('Suppress the load output', { short: 'q' }),
  },
  run: async ({ flags }, context: Context<Needs>) => {
    if (flags.input === undefined && context.stdin.isTTY === true) {
      throw new Fault('invalid', 'requested load from stdin, but stdin is empty', {
        hint: 'name a file with --input, or redirect one',
      });
    }
    const { images } = await context.openEngine();
    const transfer = showTransfer(context.stderr, {
      quiet: flags.quiet || !context.stderr.isTerminal,
      now: context.now,
    });
    const loaded = await takeArchive(flags.input ?? '-', {
      during: 'load',
      stdin: () => context.stdin,
      take: (archive) => images.load(archive, { signal: context.signal, onProgress: (event) => transfer.show(event) }),
    });
    transfer.end();
    for (const { names, imageId } of loaded) {
      if (names.length === 0) context.stdout.print(`Loaded image ID: ${imageId}\n`);
      for (const name of names) context.stdout.print(`Loaded image: ${familiarReference(name)}\n`);
    }
    return 0;
  },
});

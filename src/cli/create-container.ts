import type { ContainerCreated, Containers } from '../engine/index.ts';
import type { Context } from './command.ts';
import { containerOptions } from './container-flags.ts';
import type { ContainerFlagValues } from './container-flags.ts';
import { showTransfer } from './progress/show-transfer.ts';
import { splitReference } from './reference-display.ts';

/** Creates a container as the flags say; a pull that this takes is shown on standard error. */
export async function createContainer(
  flags: ContainerFlagValues,
  operands: readonly string[],
  context: Context<{ readonly containers: Pick<Containers, 'create'> }>,
): Promise<ContainerCreated> {
  const options = containerOptions(flags, operands, context);
  const { containers } = await context.openEngine();
  const transfer = showTransfer(context.stderr, {
    quiet: flags.quiet,
    now: context.now,
    preface: options.pull === 'missing' ? `Unable to find image '${withTag(options.image)}' locally\n` : '',
  });
  const created = await containers.create({ ...options, onProgress: (event) => transfer.show(event) });
  transfer.end();
  for (const warning of created.warnings) context.stderr.print(`WARNING: ${warning}\n`);
  return created;
}

function withTag(image: string): string {
  const { tag, digest } = splitReference(image);
  return tag === undefined && digest === undefined ? `${image}:latest` : image;
}

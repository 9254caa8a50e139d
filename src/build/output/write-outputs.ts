import { Fault } from '../../errors/index.ts';
import { formatPlatform, normalisePlatform, type Platform } from '../../oci/index.ts';
import type { BuildOutput, LocalOutput, TarOutput } from './build-output.ts';
import type { FinishedTarget, OutputPorts, WrittenImage } from './finished-target.ts';
import { LayerSourceTree } from '../source/layer-source-tree.ts';
import { writeArchive } from './output-archive.ts';
import { writeOutput } from './output-file.ts';
import { storeImage } from './output-image.ts';
import { writeLocal } from './output-local.ts';
import { tarOf, type TarPart } from './output-tar.ts';

/**
 * Writes the result to each of the outputs, in their order; gives the images that were written, those of this store
 * first. Where one output fails, those before it stay. Fault `invalid` for what cannot be written there: annotations of an
 * index where there is none, two outputs on standard output.
 */
export async function writeOutputs(
  outputs: readonly BuildOutput[],
  target: FinishedTarget,
  ports: OutputPorts,
): Promise<readonly WrittenImage[]> {
  checkOutputs(outputs, target);
  const written: { readonly image: WrittenImage; readonly isStored: boolean }[] = [];
  for (const output of outputs) {
    const image = await writeOne(output, target, ports);
    if (image !== undefined) written.push({ image, isStored: isStored(output) });
  }
  return written.toSorted((a, b) => Number(b.isStored) - Number(a.isStored)).map(({ image }) => image);
}

/** True if the output is an image of this store. */
function isStored(output: BuildOutput): boolean {
  return output.kind === 'image' || (output.kind === 'docker' && output.dest === undefined);
}

/** Fault `invalid` for what could not be written, whatever the result: to be asked before a build as well. */
export function checkOutputs(
  outputs: readonly BuildOutput[],
  { isMulti, annotations }: Pick<FinishedTarget, 'isMulti' | 'annotations'>,
): void {
  const streams = outputs.filter((output) => 'dest' in output && output.dest === '-');
  if (streams.length > 1) throw new Fault('invalid', 'only one output can be written to standard output');
  if (isMulti && outputs.some((output) => output.kind === 'docker' && output.dest !== undefined)) {
    throw new Fault('unsupported', 'output of type docker: an archive for Docker holds an image for one platform', {
      hint: 'build for one platform, or write an OCI archive with type=oci',
    });
  }
  const own = outputs.flatMap((output) => ('annotations' in output ? output.annotations : []));
  const ofIndex = [...annotations, ...own].find(({ place }) => place.startsWith('index'));
  if (isMulti || ofIndex === undefined) return;
  throw new Fault('invalid', `annotation ${ofIndex.key}: there is no index for an image of a single platform`, {
    hint: "build for several with '--platform', or annotate the manifest",
  });
}

async function writeOne(
  output: BuildOutput,
  target: FinishedTarget,
  ports: OutputPorts,
): Promise<WrittenImage | undefined> {
  switch (output.kind) {
    case 'local':
    case 'tar':
      return writeTrees(output, target, ports);
    case 'oci':
      return writeArchive(output, target, ports);
    case 'docker':
      return output.dest === undefined ? storeImage(output, target, ports) : writeArchive(output, target, ports);
    case 'image':
      return storeImage(output, target, ports);
  }
}

async function writeTrees(
  output: LocalOutput | TarOutput,
  { platforms, isMulti }: FinishedTarget,
  { layers, stdout, signal, onWarning }: OutputPorts,
): Promise<undefined> {
  using open = new DisposableStack();
  const isSplit = output.platformSplit ?? isMulti;
  const parts = platforms.map(({ platform, config }): TarPart => {
    const tree = open.use(layers.tree(config.rootfs.diff_ids));
    return { folder: isSplit ? folderOf(platform) : '', tree: new LayerSourceTree(tree) };
  });
  if (output.kind === 'local') return void (await writeLocal(parts, { dest: output.dest, signal, onWarning }));
  await writeOutput(output.dest, stdout, async (write) => {
    for (const piece of tarOf(parts)) {
      signal.throwIfAborted();
      await write(piece);
    }
  });
  return undefined;
}

/** As BuildKit names it: `linux_arm64`, `linux_arm_v6`. */
function folderOf(platform: Platform): string {
  return formatPlatform(normalisePlatform(platform)).replaceAll('/', '_');
}

import { Fault } from '../../errors/index.ts';
import type { DiffId } from '../../oci/index.ts';
import type { BuildContext, ContextPorts } from './build-context.ts';
import type { BuildOptions } from '../build-options.ts';
import { dockerfileIn, foreignDockerfile } from './find-dockerfile.ts';
import { LayerSourceTree } from '../source/layer-source-tree.ts';
import type { OpenSource } from '../source/source-tree.ts';
import { uncompressed } from '../copy/uncompressed.ts';

export interface ArchiveContextOptions {
  readonly ports: ContextPorts;
  readonly signal: AbortSignal;
  /** Where it came from: for messages, and to know the same file again. */
  readonly origin: string;
}

/** A context that is an archive, plain or compressed. */
export async function openArchiveContext(
  bytes: AsyncIterable<Uint8Array>,
  file: BuildOptions['file'],
  { ports, signal, origin }: ArchiveContextOptions,
): Promise<BuildContext> {
  using opened = new DisposableStack();
  const tree = opened.use(await storeArchive(bytes, { ports, signal, origin }));
  const name = typeof file === 'string' ? file : undefined;
  const foreign = await foreignDockerfile(file, { ports, signal, beside: origin });
  const dockerfile = foreign ?? dockerfileIn(await tree.open(signal), name, origin);
  const stack = opened.move();
  return { dockerfile, files: tree.open, ignoreRules: () => undefined, [Symbol.dispose]: () => stack.dispose() };
}

/** The tree of an archive that is in the store, until it is disposed of. */
export interface ArchiveTree extends Disposable {
  readonly open: OpenSource;
}

/**
 * Puts an archive into the store as a layer: nothing is unpacked, so that no name in it leads anywhere. The build holds
 * it; afterwards it is garbage. Fault `invalid`, `corrupt` or `exhausted` for an archive that is not good.
 */
export async function storeArchive(
  bytes: AsyncIterable<Uint8Array>,
  { ports, signal, origin }: ArchiveContextOptions,
): Promise<ArchiveTree> {
  const { layers } = ports;
  const diffId = await ingest(bytes, { ports, signal, origin });
  const stack = new DisposableStack();
  return {
    open: async () => new LayerSourceTree(stack.use(layers.tree([diffId]))),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

async function ingest(
  bytes: AsyncIterable<Uint8Array>,
  { ports: { layers, holder, searchPath }, signal, origin }: ArchiveContextOptions,
): Promise<DiffId> {
  const during = `read the archive ${origin === '-' ? 'on standard input' : origin}`;
  using writer = layers.writer({ holder, below: [] });
  try {
    for await (const chunk of uncompressed(bytes, { signal, searchPath, during })) writer.write(chunk);
    return writer.commit().diffId;
  } catch (error) {
    if (Fault.is(error) && error.message.startsWith(during)) throw error;
    throw Fault.wrap(during, error);
  }
}

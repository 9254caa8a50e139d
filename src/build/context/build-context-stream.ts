import { Fault } from '../../errors/index.ts';
import { compressionHeadBytes, detectCompression, orAborted } from '../../std/index.ts';
import { blockSize, TarParser } from '../../tar/index.ts';
import { openArchiveContext } from './build-context-archive.ts';
import type { BuildContext, ContextPorts } from './build-context.ts';
import type { BuildOptions } from '../build-options.ts';
import { streamedDockerfile } from './find-dockerfile.ts';
import { LayerSourceTree } from '../source/layer-source-tree.ts';

/** A context that comes as a stream: an archive, or a Dockerfile that has no files to copy. Its first bytes tell. */
export async function openStreamedContext(
  stream: AsyncIterable<Uint8Array>,
  file: BuildOptions['file'],
  { ports, signal }: { readonly ports: ContextPorts; readonly signal: AbortSignal },
): Promise<BuildContext> {
  const { head, bytes } = await peek(stream, signal);
  if (head.length === 0) throw nothingCame();
  if (isArchive(head)) return openArchiveContext(bytes, file, { ports, signal, origin: '-' });
  if (file !== undefined) {
    throw new Fault('invalid', 'ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles', {
      hint: 'what came on standard input is no archive, so it is the Dockerfile: leave out -f',
    });
  }
  return emptyContext(await streamedDockerfile(bytes, { identity: '-', signal }), ports);
}

/** True of what begins as a tar archive does, or as something compressed. */
export function isArchive(head: Uint8Array): boolean {
  if (detectCompression(head.subarray(0, compressionHeadBytes)) !== 'none') return true;
  const block = head.subarray(0, blockSize);
  if (block.length < blockSize || block.every((byte) => byte === 0)) return false;
  try {
    new TarParser({ entry: () => undefined }).write(block);
    return true;
  } catch (error) {
    return Fault.is(error, 'unsupported');
  }
}

/** The beginning of a stream, as far as `isArchive` needs it, and all of its bytes. */
async function peek(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<{ readonly head: Uint8Array; readonly bytes: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]();
  const next = (): Promise<IteratorResult<Uint8Array>> =>
    orAborted(iterator.next(), signal, 'read the context from standard input');
  let head: Uint8Array = new Uint8Array();
  for (let part = await next(); part.done !== true; part = await next()) {
    head = head.length === 0 ? part.value : Buffer.concat([head, part.value]);
    if (head.length >= blockSize) break;
  }
  return { head, bytes: following(head, next) };
}

async function* following(
  head: Uint8Array,
  next: () => Promise<IteratorResult<Uint8Array>>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield head;
  for (let part = await next(); part.done !== true; part = await next()) yield part.value;
}

function emptyContext(dockerfile: BuildContext['dockerfile'], { layers }: ContextPorts): BuildContext {
  const stack = new DisposableStack();
  return {
    dockerfile,
    files: async () => new LayerSourceTree(stack.use(layers.tree([]))),
    ignoreRules: () => undefined,
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function nothingCame(): Fault {
  return new Fault('invalid', 'read the context from standard input: nothing came', {
    hint: "pipe a Dockerfile or a tar archive into 'build -'",
  });
}

import { Fault } from '../errors/index.ts';
import { findExecutable, spawnProcess, type Process } from '../host/index.ts';
import { compressionHeadBytes, decompress, detectCompression, showBytes, type Compression } from '../std/index.ts';
import { TarParser } from '../tar/index.ts';
import type { SourceNode, SourceTree } from './source-tree.ts';

export interface ArchiveOptions {
  readonly signal: AbortSignal;
  /** Where `xz` and `bzip2` are looked for. */
  readonly searchPath: string | undefined;
}

/** A file that may be a tar archive, plain or compressed; only its content tells, never its name. */
export class ArchiveSource {
  readonly #tree: SourceTree;
  readonly #node: SourceNode;
  readonly #options: ArchiveOptions;

  constructor(tree: SourceTree, node: SourceNode, options: ArchiveOptions) {
    this.#tree = tree;
    this.#node = node;
    this.#options = options;
  }

  /** True if it begins with a member of an archive. An archive without members counts as a file. */
  async isArchive(): Promise<boolean> {
    let found = false;
    const parser = new TarParser({
      entry: () => {
        found = true;
        return undefined;
      },
    });
    try {
      for await (const chunk of this.bytes()) {
        parser.write(chunk);
        if (found) return true;
        if (parser.unread > 0) return false;
      }
    } catch (error) {
      if (!Fault.is(error) || !notAnArchive.has(error.code)) throw error;
    }
    return found;
  }

  /** The uncompressed bytes, read anew. Fault `corrupt` where they cannot be uncompressed. */
  bytes(): AsyncIterable<Uint8Array> {
    const compression = this.#compression();
    const program = programs.get(compression);
    if (program === undefined) return decompress(this.#stored(), { maxRatio });
    return this.#throughProgram(program);
  }

  #compression(): Compression {
    for (const piece of this.#tree.read(this.#node)) return detectCompression(piece.subarray(0, compressionHeadBytes));
    return 'none';
  }

  /** Copies, since others may read while a piece is at work. */
  async *#stored(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const piece of this.#tree.read(this.#node)) {
      if (this.#options.signal.aborted) throw new Fault('cancelled', `unpack ${showBytes(this.#node.path)}: cancelled`);
      yield Buffer.from(piece);
    }
  }

  async *#throughProgram({ name, debianPackage }: Program): AsyncGenerator<Uint8Array, void, undefined> {
    const during = `unpack ${showBytes(this.#node.path)}`;
    const command = findExecutable(name, this.#options.searchPath);
    if (command === undefined) {
      throw new Fault('unavailable', `${during}: the program ${name} is not there`, {
        hint: `install it: apt-get install ${debianPackage}`,
      });
    }
    const child = await spawnProcess(command, ['-dc'], { env: {}, stdio: ['pipe', 'pipe', 'ignore'], ownGroup: true });
    let isOver = false;
    try {
      const feeding = feed(child, this.#stored());
      yield* measured(child, this.#node.size, during);
      const failure = await feeding;
      const { code } = await child.ended;
      isOver = true;
      if (failure !== undefined) throw failure;
      if (code !== 0) throw new Fault('corrupt', `${during}: ${name} ended with exit code ${code}`);
    } finally {
      if (!isOver) child.kill('SIGKILL');
      await child.ended;
    }
  }
}

interface Program {
  readonly name: string;
  readonly debianPackage: string;
}

const programs: ReadonlyMap<Compression, Program> = new Map([
  ['xz', { name: 'xz', debianPackage: 'xz-utils' }],
  ['bzip2', { name: 'bzip2', debianPackage: 'bzip2' }],
]);

/** What reading the first bytes of something that is no archive may end with. */
const notAnArchive: ReadonlySet<string> = new Set(['invalid', 'corrupt', 'unsupported']);
/** Deflate gets to 1,032 to 1; what goes beyond is made to fill a disk. */
const maxRatio = 1100;
const ratioFreeBytes = 1 << 30;

/** Settles when all is given, with what it failed with: a program that ends early need not take all. */
async function feed({ stdin }: Process, bytes: AsyncIterable<Uint8Array>): Promise<unknown> {
  if (stdin === null) return undefined;
  stdin.on('error', () => undefined);
  try {
    for await (const chunk of bytes) {
      if (stdin.destroyed) return undefined;
      await new Promise<void>((resolve) => stdin.write(chunk, () => resolve()));
    }
    return undefined;
  } catch (error) {
    return error;
  } finally {
    stdin.end();
  }
}

async function* measured(
  { stdout }: Process,
  inputBytes: number,
  during: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of stdout ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > Math.max(ratioFreeBytes, inputBytes * maxRatio)) {
      throw new Fault('exhausted', `${during}: ${bytes} bytes came out of ${inputBytes}`);
    }
    yield chunk as Uint8Array;
  }
}

import { Fault } from '../../errors/index.ts';
import { findExecutable, spawnProcess, type Process } from '../../host/index.ts';
import { decompress, peekCompression, throwIfAborted, type Compression } from '../../std/index.ts';

export interface UncompressOptions {
  readonly signal: AbortSignal;
  /** Where `xz` and `bzip2` are looked for. */
  readonly searchPath: string | undefined;
  /** What a message begins with: `unpack app.tar.xz`. */
  readonly during: string;
}

/**
 * The bytes of an archive without its compression: plain, gzip and zstd, or xz and bzip2 through their programs. Fault
 * `corrupt` where they cannot be uncompressed, `exhausted` where far more comes out than an honest archive has,
 * `unavailable` where a program is missing. Chunks of the source are kept for a while.
 */
export async function* uncompressed(
  source: AsyncIterable<Uint8Array>,
  options: UncompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, bytes } = await peekCompression(interruptible(source, options));
  const program = programs.get(compression);
  yield* program === undefined ? decompress(bytes, { maxRatio }) : throughProgram(program, bytes, options);
}

interface Program {
  readonly name: string;
  readonly debianPackage: string;
}

const programs: ReadonlyMap<Compression, Program> = new Map([
  ['xz', { name: 'xz', debianPackage: 'xz-utils' }],
  ['bzip2', { name: 'bzip2', debianPackage: 'bzip2' }],
]);

/** Deflate gets to 1,032 to 1; what goes beyond is made to fill a disk. */
const maxRatio = 1100;
const ratioFreeBytes = 1 << 30;

async function* interruptible(
  source: AsyncIterable<Uint8Array>,
  { signal, during }: UncompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    throwIfAborted(signal, during);
    yield chunk;
  }
}

async function* throughProgram(
  { name, debianPackage }: Program,
  source: AsyncIterable<Uint8Array>,
  { searchPath, during }: UncompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const command = findExecutable(name, searchPath);
  if (command === undefined) {
    throw new Fault('unavailable', `${during}: the program ${name} is not there`, {
      hint: `install it: apt-get install ${debianPackage}`,
    });
  }
  const child = await spawnProcess(command, ['-dc'], { env: {}, stdio: ['pipe', 'pipe', 'ignore'], ownGroup: true });
  let isOver = false;
  try {
    const input = new MeteredInput(source);
    const feeding = input.feed(child);
    yield* measured(child, input, during);
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

/** What goes into a program, counted. */
class MeteredInput {
  readonly #source: AsyncIterable<Uint8Array>;
  bytes = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  /** Settles when all is given, with what it failed with: a program that ends early need not take all. */
  async feed({ stdin }: Process): Promise<unknown> {
    if (stdin === null) return undefined;
    stdin.on('error', () => undefined);
    try {
      for await (const chunk of this.#source) {
        if (stdin.destroyed) return undefined;
        this.bytes += chunk.length;
        await new Promise<void>((resolve) => stdin.write(chunk, () => resolve()));
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      stdin.end();
    }
  }
}

async function* measured(
  { stdout }: Process,
  input: MeteredInput,
  during: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of stdout ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > Math.max(ratioFreeBytes, input.bytes * maxRatio)) {
      throw new Fault('exhausted', `${during}: ${bytes} bytes came out of ${input.bytes}`);
    }
    yield chunk as Uint8Array;
  }
}

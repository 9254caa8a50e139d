import { Fault } from '../../errors/index.ts';
import { showBytes } from '../../std/index.ts';
import { TarParser } from '../../tar/index.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';
import { uncompressed } from './uncompressed.ts';

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
    return uncompressed(this.#stored(), { ...this.#options, during: `unpack ${showBytes(this.#node.path)}` });
  }

  /** Copies, since others may read while a piece is at work. */
  async *#stored(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const piece of this.#tree.read(this.#node)) yield Buffer.from(piece);
  }
}

/** What reading the first bytes of something that is no archive may end with. */
const notAnArchive: ReadonlySet<string> = new Set(['invalid', 'corrupt', 'unsupported']);

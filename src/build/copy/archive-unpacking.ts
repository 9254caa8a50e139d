import { Fault } from '../../errors/index.ts';
import type { OpenTree } from '../../layer/index.ts';
import { showBytes, type ByteString } from '../../std/index.ts';
import type { TarContent, TarEntry, TarSink } from '../../tar/index.ts';
import { inside, notDirectory } from './copy-layout.ts';
import { keptXattrs } from '../../erofs/index.ts';
import type { LayerLedger } from './layer-ledger.ts';
import { resolveInTree } from './tree-path.ts';
import type { EntryFacts, Owner } from './tree-writer.ts';

export interface ArchiveUnpackingOptions {
  readonly ledger: LayerLedger;
  readonly below: OpenTree;
  /** Where the archive's root goes. */
  readonly place: ByteString;
  /** By `--chown`; undefined where entries keep their owners. */
  readonly owner: Owner | undefined;
  /** For messages. */
  readonly archive: ByteString;
}

/**
 * Takes an archive's members into a layer, below a directory. Names are cleaned: `..` ends at the directory. Parents are
 * resolved at the moment of use, through the symlinks of the tree below and those that the archive brings, always inside
 * the root. A member replaces what is in its place, only directories merge. The archive's root has no entry of its own.
 *
 * Fault `invalid` for a name that means a deletion in a layer, and for a file where a directory is needed.
 */
export class ArchiveUnpacking implements TarSink {
  readonly #options: ArchiveUnpackingOptions;
  #lastFolder: string | undefined;
  #lastResolved: ByteString;

  constructor(options: ArchiveUnpackingOptions) {
    this.#options = options;
    this.#lastResolved = options.place;
  }

  entry(entry: TarEntry): TarContent | undefined {
    const path = this.#placeOf(entry.path);
    if (path === undefined) return undefined;
    this.#refuse(entry);
    if (entry.type === 'link') return this.#link(path, entry);
    if (entry.type !== 'file' && entry.type !== 'dir') this.#lastFolder = undefined;
    const isWritten = this.#options.ledger.add(path, this.#facts(entry, entry.link));
    return isWritten && entry.type === 'file' ? this.#content(entry.size) : undefined;
  }

  #content(size: number): TarContent {
    const { ledger } = this.#options;
    let written = 0;
    const fillTo = (offset: number): void => {
      for (; written < offset; written += Math.min(zeros.length, offset - written)) {
        ledger.write(zeros.subarray(0, Math.min(zeros.length, offset - written)));
      }
    };
    return {
      write: (chunk, offset) => {
        fillTo(offset);
        ledger.write(chunk);
        written += chunk.length;
      },
      end: () => fillTo(size),
    };
  }

  /**
   * A link to a file that the archive does not bring carries its content. Where a later archive brings both names again,
   * neither counts here.
   */
  #link(path: ByteString, entry: TarEntry): undefined {
    const { ledger, below } = this.#options;
    const target = this.#placeOf(entry.link);
    if (target === path) return undefined;
    if (target !== undefined && (ledger.has(target) || ledger.awaits(target))) {
      const isReplacedLater = ledger.awaits(target);
      const counts = ledger.add(path, this.#facts(entry, target));
      if (counts && isReplacedLater)
        throw this.#fault(entry, `links to ${showBytes(entry.link)}, which a later archive replaces`);
      return undefined;
    }
    const found = target === undefined || ledger.isHidden(target) ? undefined : below.lookup(target);
    if (target === undefined || found?.type !== 'file')
      throw this.#fault(entry, `links to ${showBytes(entry.link)}, which is not there`);
    const { uid, gid, mode, mtime, xattrs, size } = found;
    const facts = { ...this.#facts(entry, none), type: 'file', uid, gid, mode, mtime, xattrs, size } as const;
    if (!ledger.add(path, facts)) return undefined;
    for (const piece of below.read(target)) ledger.write(piece);
    return undefined;
  }

  /** Undefined for the archive's root. */
  #placeOf(name: ByteString): ByteString | undefined {
    const names = cleaned(name);
    const last = names.pop();
    if (last === undefined) return undefined;
    return inside(this.#folder(names.join('/')), last);
  }

  #folder(folder: string): ByteString {
    if (folder === this.#lastFolder) return this.#lastResolved;
    const { place, ledger } = this.#options;
    const path = folder === '' ? place : resolveInTree(ledger, inside(place, folder));
    const found = path === '' ? 'dir' : ledger.lookup(path)?.type;
    if (found !== undefined && found !== 'dir') throw notDirectory(path);
    this.#lastFolder = folder;
    this.#lastResolved = path;
    return path;
  }

  #facts(entry: TarEntry, link: ByteString): EntryFacts {
    const { uid, gid } = this.#options.owner ?? entry;
    const { type, mode, size, mtime, devMajor, devMinor } = entry;
    return { type, mode, uid, gid, size, mtime, link, devMajor, devMinor, xattrs: keptXattrs(entry.xattrs) };
  }

  #refuse(entry: TarEntry): void {
    if (/(^|\/)\.wh\./.test(entry.path)) {
      throw this.#fault(entry, 'has a name that means a deletion in a layer');
    }
    if (entry.type === 'char' && entry.devMajor === 0 && entry.devMinor === 0) {
      throw this.#fault(entry, 'is a character device 0:0, which means a deletion in a layer');
    }
  }

  #fault(entry: TarEntry, problem: string): Fault {
    const { archive } = this.#options;
    return new Fault('invalid', `unpack ${showBytes(archive)}: member ${showBytes(entry.path)} ${problem}`);
  }
}

function cleaned(path: ByteString): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

const zeros = new Uint8Array(1 << 16);
const none = '' as ByteString;

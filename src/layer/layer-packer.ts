import { createHash, type Hash } from 'node:crypto';
import { Fault } from '../errors/index.ts';
import { showBytes } from '../std/index.ts';
import { endOfArchive, paddingOf, type TarEntry } from '../tar/index.ts';
import { ContentIdHash, type ContentId } from './content-id.ts';
import type { LayerInfo, LayerWriter } from './layer-writer.ts';

/** The hash of a file's content, or what gives it after the content was written. */
export type ContentSha256 = string | (() => string);

export interface PackedLayer extends LayerInfo {
  readonly contentId: ContentId;
}

/**
 * Makes a layer entry by entry: `add` an entry, `write` the bytes of its content where it is a file that has some, and
 * so on; then `commit`. The same entries always give the same tar.
 *
 * A file whose content turns out shorter or longer than its entry says is a `conflict` Fault: it changed while it was
 * read. Dispose of the packer in any case.
 */
export class LayerPacker implements Disposable {
  readonly #writer: LayerWriter;
  readonly #latestMtimeSec: number;
  readonly #contentId = new ContentIdHash();
  #current: OpenFile | undefined;
  #entryCount = 0;

  /** No entry gets a later time of modification than `latestMtimeSec` (seconds since 1970). */
  constructor(writer: LayerWriter, options: { readonly latestMtimeSec?: number | undefined } = {}) {
    this.#writer = writer;
    this.#latestMtimeSec = options.latestMtimeSec ?? Infinity;
  }

  /** How many entries were added so far. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /**
   * `contentSha256` (lower-case hex), where the caller knows it, or will once it has written the content, saves hashing
   * that once more.
   */
  add(entry: TarEntry, contentSha256?: ContentSha256): void {
    this.#endFile();
    this.#entryCount++;
    this.#writer.writeHeader(this.#clamped(entry));
    if (entry.type !== 'file') return this.#contentId.add(entry, '');
    const hash = contentSha256 ?? createHash('sha256');
    this.#current = { entry, hash, remaining: entry.size };
  }

  write(chunk: Uint8Array): void {
    const file = this.#current;
    if (file === undefined) throw new Fault('internal', 'write content: the last entry is no file');
    if (chunk.length > file.remaining) throw changed(file);
    file.remaining -= chunk.length;
    if (typeof file.hash === 'object') file.hash.update(chunk);
    this.#writer.write(chunk);
  }

  commit(): PackedLayer {
    this.#endFile();
    this.#writer.write(endOfArchive);
    return { ...this.#writer.commit(), contentId: this.#contentId.digest() };
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  #clamped(entry: TarEntry): TarEntry {
    const { sec, nsec } = entry.mtime;
    const latest = this.#latestMtimeSec;
    return sec < latest || (sec === latest && nsec === 0) ? entry : { ...entry, mtime: { sec: latest, nsec: 0 } };
  }

  #endFile(): void {
    const file = this.#current;
    if (file === undefined) return;
    if (file.remaining !== 0) throw changed(file);
    this.#current = undefined;
    const padding = paddingOf(file.entry.size);
    if (padding > 0) this.#writer.write(zeros.subarray(0, padding));
    this.#contentId.add(file.entry, hexFrom(file.hash));
  }
}

function hexFrom(hash: Hash | ContentSha256): string {
  if (typeof hash === 'object') return hash.digest('hex');
  return typeof hash === 'string' ? hash : hash();
}

interface OpenFile {
  readonly entry: TarEntry;
  readonly hash: Hash | ContentSha256;
  remaining: number;
}

const zeros = new Uint8Array(512);

function changed(file: OpenFile): Fault {
  return new Fault('conflict', `store ${showBytes(file.entry.path)}: its length changed while it was read`, {
    hint: 'run it again when nothing writes to the file',
  });
}

import { Fault } from '../errors/index.ts';
import { blockSize, paddingOf } from './blocks.ts';
import type { ContentFeed } from './content-feed.ts';
import { feedContent } from './content-feed.ts';
import { checkEntry } from './describe-member.ts';
import type { TarEntry } from './entry.ts';
import type { Member } from './member-reader.ts';
import { MemberReader } from './member-reader.ts';
import { RunGatherer } from './run-gatherer.ts';
import type { TarLimits } from './tar-limits.ts';
import { defaultTarLimits } from './tar-limits.ts';
import type { TarContent, TarSink, TarSummary } from './tar-sink.ts';

export interface TarReadOptions {
  /** Limits other than the default ones. */
  readonly limits?: Partial<TarLimits>;
  /**
   * What global PAX headers do. `ignore`, the default, is what Go does, and with it every container engine: one layer
   * must not be two trees. `apply` is what POSIX says: their records hold for all members that follow.
   */
  readonly globalRecords?: 'ignore' | 'apply';
}

/**
 * Reads an archive from chunks of any size, without I/O: every dialect that GNU tar, bsdtar, Go and star write (V7,
 * ustar, GNU, PAX, with GNU's four ways of storing sparse files). In doubt it reads what Go's archive/tar reads.
 *
 * Give it the chunks with `write`, in order, then call `end`. It keeps nothing of members that have passed: memory is
 * bounded by the limits, whatever the archive's size. Content is never copied.
 *
 * A Fault from `write` or `end` says where in the archive: `invalid` for what is no tar header, `corrupt` where the
 * archive is cut off, `unsupported` for a kind of member that is not to be had as a file, `exhausted` beyond a limit.
 * After a Fault, or after the sink threw, the parser is of no more use.
 */
export class TarParser {
  readonly #sink: TarSink;
  readonly #limits: TarLimits;
  readonly #members: MemberReader;
  readonly #run = new RunGatherer(blockSize);
  #position = 0;
  #contentLeft = 0;
  #paddingLeft = 0;
  #content: TarContent | undefined;
  #feed: ContentFeed | undefined;
  #entryCount = 0;
  /** Where the archive ended, once the end marker was seen. */
  #endOffset: number | undefined;

  constructor(sink: TarSink, options: TarReadOptions = {}) {
    const limits = { ...defaultTarLimits, ...options.limits };
    this.#sink = sink;
    this.#limits = limits;
    this.#members = new MemberReader({ limits, appliesGlobals: options.globalRecords === 'apply' });
  }

  /** The next bytes of the archive. */
  write(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    for (let at = 0; at < bytes.length;) {
      if (this.unread > 0) at += this.skip(bytes.length - at);
      else if (this.#contentLeft > 0) at += this.#passContent(bytes, at);
      else at += this.#gather(bytes, at);
    }
  }

  /**
   * As `write`, for the header of a member that `formatHeader` has just made of this entry, `headerBytes` long: it says
   * what the entry says, and is not read. Its content follows by `write`. Fault `exhausted` as if it were read.
   */
  passHeader(entry: TarEntry, headerBytes: number): void {
    if (!this.#isBetweenMembers) throw new Fault('internal', 'read tar: a header comes before the last member ended');
    checkEntry(entry, this.#limits);
    const headerOffset = this.#position;
    const dataOffset = headerOffset + headerBytes;
    this.#position = dataOffset;
    this.#contentLeft = entry.size;
    this.#paddingLeft = paddingOf(entry.size);
    this.#deliver({ entry, place: { headerOffset, dataOffset, storedSize: entry.size, segments: undefined } });
  }

  /**
   * How many of the next bytes do not matter: padding, content that nobody takes, and, without end, what follows the
   * end marker. `skip` may be told of them instead of `write` being given them.
   */
  get unread(): number {
    if (this.#endOffset !== undefined) return Infinity;
    return this.#feed === undefined || this.#contentLeft === 0 ? this.#contentLeft + this.#paddingLeft : 0;
  }

  /** Passes over `count` bytes of the archive or over `unread`, whichever is less; returns how many. */
  skip(count: number): number {
    const skipped = Math.min(count, this.unread);
    const fromContent = Math.min(skipped, this.#contentLeft);
    this.#contentLeft -= fromContent;
    this.#paddingLeft -= Math.min(skipped - fromContent, this.#paddingLeft);
    this.#position += skipped;
    return skipped;
  }

  /**
   * The archive has no more bytes. As in Go the end marker may be missing, and so may the padding of the last member.
   */
  end(): TarSummary {
    const isWhole = this.#contentLeft === 0 && this.#run.filled === 0 && this.#members.isBetweenMembers;
    if (!isWhole) throw new Fault('corrupt', `read tar: the archive is cut off at byte ${this.#position}`);
    const archiveBytes = this.#endOffset ?? this.#position;
    return { entryCount: this.#entryCount, archiveBytes, trailingBytes: this.#position - archiveBytes };
  }

  get #isBetweenMembers(): boolean {
    const isPassed = this.#contentLeft === 0 && this.#paddingLeft === 0 && this.#endOffset === undefined;
    return isPassed && this.#run.filled === 0 && this.#members.isBetweenMembers;
  }

  #passContent(bytes: Buffer, at: number): number {
    const share = Math.min(bytes.length - at, this.#contentLeft);
    this.#contentLeft -= share;
    this.#position += share;
    this.#feed?.(bytes.subarray(at, at + share));
    if (this.#contentLeft === 0) this.#endContent();
    return share;
  }

  #gather(bytes: Buffer, at: number): number {
    const share = this.#run.share(bytes, at);
    this.#position += share;
    const run = this.#run.take(bytes, at, share);
    if (run !== undefined) this.#accept(run);
    return share;
  }

  #accept(run: Buffer): void {
    const step = this.#members.accept(run, this.#position);
    this.#run.want(step.kind === 'gather' ? step.length : blockSize);
    if (step.kind === 'end') this.#endOffset = this.#position;
    if (step.kind !== 'pass') return;
    this.#contentLeft = step.content;
    this.#paddingLeft = step.padding;
    if (step.member !== undefined) this.#deliver(step.member);
  }

  #deliver({ entry, place }: Member): void {
    this.#entryCount++;
    if (this.#entryCount > this.#limits.entries) {
      throw new Fault('exhausted', `read tar: the archive has more than ${this.#limits.entries} entries`);
    }
    this.#content = this.#sink.entry(entry, place);
    if (this.#content === undefined) return;
    if (place.storedSize === 0) this.#endContent();
    else this.#feed = feedContent(this.#content, place);
  }

  #endContent(): void {
    const content = this.#content;
    this.#content = undefined;
    this.#feed = undefined;
    content?.end();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

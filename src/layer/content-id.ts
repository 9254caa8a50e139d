import { createHash, type Hash } from 'node:crypto';
import type { TarEntry } from '../tar/index.ts';

/**
 * What a layer holds apart from its times: the sha256 of its entries (path, type, mode, owner, link, device, attributes,
 * content) in the order in which they were added. Two runs of a step that differ in nothing but times have one
 * ContentId, and the earlier layer stands for both.
 */
export type ContentId = string & { readonly [contentIdBrand]: true };
declare const contentIdBrand: unique symbol;

/** Takes a layer's entries one by one. Fields are length-prefixed, so that no two layers share their bytes. */
export class ContentIdHash {
  readonly #hash: Hash = createHash('sha256').update('varve content\n');
  /** Records that are not hashed yet: one call for many. */
  #waiting = '';

  /** `contentSha256`: lower-case hex, of a regular file; '' for all else. */
  add(entry: TarEntry, contentSha256: string): void {
    const fixed = `${entry.type} ${entry.mode} ${entry.uid} ${entry.gid} ${entry.size} ${entry.devMajor} ${entry.devMinor}`;
    let record = prefixed(entry.path) + prefixed(fixed) + prefixed(entry.link) + prefixed(contentSha256);
    for (const [name, value] of entry.xattrs) record += prefixed(name) + prefixed(value);
    this.#waiting += prefixed(record);
    if (this.#waiting.length >= enough) this.#flush();
  }

  digest(): ContentId {
    this.#flush();
    return `content:${this.#hash.digest('hex')}` as ContentId;
  }

  #flush(): void {
    this.#hash.update(this.#waiting, 'latin1');
    this.#waiting = '';
  }
}

function prefixed(text: string): string {
  return `${text.length}:${text}`;
}

const enough = 16 << 10;

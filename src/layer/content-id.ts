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

  /** `contentSha256`: lower-case hex, of a regular file; '' for all else. */
  add(entry: TarEntry, contentSha256: string): void {
    const fixed = `${entry.type} ${entry.mode} ${entry.uid} ${entry.gid} ${entry.size} ${entry.devMajor} ${entry.devMinor}`;
    const parts = [entry.path, fixed, entry.link, contentSha256];
    for (const [name, value] of entry.xattrs) parts.push(name, value);
    const record = parts.map((part) => `${part.length}:${part}`).join('');
    this.#hash.update(`${record.length}:${record}`, 'latin1');
  }

  digest(): ContentId {
    return `content:${this.#hash.digest('hex')}` as ContentId;
  }
}

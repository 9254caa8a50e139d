import { createHash } from 'node:crypto';
import { digestOf, parseDigest, type Digest } from '../oci/index.ts';
import type { CacheRecords } from '../state/index.ts';

/** What a server said of a file when it was downloaded. */
export interface UrlRecord {
  readonly digest: Digest;
  readonly etag: string | undefined;
  /** `Last-Modified`, as the server wrote it. */
  readonly lastModified: string | undefined;
  /** What the server called it. */
  readonly name: string | undefined;
}

export type UrlCache = Pick<CacheRecords, 'byDefinition' | 'put' | 'touch'>;

/** What a URL is kept under: a hash, for a query may hold a key that must not be found in the store. */
export function urlKey(url: URL): string {
  return `url:${createHash('sha256').update(url.href).digest('hex')}`;
}

export function findUrlRecord(cache: UrlCache, url: URL): UrlRecord | undefined {
  const record = cache.byDefinition(urlKey(url));
  if (record === undefined) return undefined;
  const said = JSON.parse(record.result) as Omit<UrlRecord, 'digest'>;
  return { ...said, digest: parseDigest(record.contentId) };
}

/** Keeps it as a step of the build cache: so the file is counted, kept and pruned with it. */
export function putUrlRecord(cache: UrlCache, url: URL, { digest, ...said }: UrlRecord): void {
  const key = urlKey(url);
  const preimage = key;
  cache.put({
    definitionKey: key,
    contentKey: key,
    lineage: key,
    contentId: digest,
    slot: key,
    label: `download ${url.origin}${url.pathname}`,
    result: JSON.stringify(said),
    preimage: digestOf(preimage),
    preimageBytes: Buffer.from(preimage),
    digests: [digest],
  });
}

export function touchUrlRecord(cache: UrlCache, url: URL): void {
  cache.touch([urlKey(url)]);
}

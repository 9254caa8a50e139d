import { createHash } from 'node:crypto';

/** Hash of a record and the definition keys of a step's inputs. */
export function definitionKeyOf(recordDigest: string, inputs: readonly string[]): string {
  return hashParts('varve.definition.1', [recordDigest, ...inputs]);
}

/** Hash of a record and the lineages of a step's inputs. */
export function contentKeyOf(recordDigest: string, lineages: readonly string[]): string {
  return hashParts('varve.content.1', [recordDigest, ...lineages]);
}

/** Hash of what a step reads and the lineages of what it reads from. */
export function readingKeyOf(readingDigest: string, lineages: readonly string[]): string {
  return hashParts('varve.reading.1', [readingDigest, ...lineages]);
}

/** Hash of a content ID and the lineages of a step's inputs. */
export function lineageOf(contentId: string, lineages: readonly string[]): string {
  return hashParts('varve.lineage.1', [contentId, ...lineages]);
}

/** Each part is preceded by its length, and the whole by what it is for: no two different lists hash the same bytes. */
function hashParts(domain: string, parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of [domain, ...parts]) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}

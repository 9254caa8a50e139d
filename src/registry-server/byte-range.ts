import type { ByteRange } from './registry-content.ts';

/** What a `Range` header asks for: the whole, where it is absent, malformed or of several parts (RFC 9110 section 14.2). */
export type AskedRange = { readonly kind: 'whole' | 'unsatisfiable' } | ({ readonly kind: 'part' } & ByteRange);

export function askedRange(header: string | undefined, sizeBytes: number): AskedRange {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return { kind: 'whole' };
  if (first === '') return partOf(Math.max(0, sizeBytes - Number(last)), sizeBytes, sizeBytes);
  return partOf(Number(first), last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes), sizeBytes);
}

function partOf(startBytes: number, endBytes: number, sizeBytes: number): AskedRange {
  if (startBytes >= endBytes || startBytes >= sizeBytes) return { kind: 'unsatisfiable' };
  return { kind: 'part', startBytes, endBytes };
}

/** Of an upload: `Content-Range: FIRST-LAST`, both included. Undefined where it is malformed. */
export function chunkRange(header: string): ByteRange | undefined {
  const [, first = '', last = ''] = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header) ?? [];
  if (first === '' || Number(last) < Number(first)) return undefined;
  return { startBytes: Number(first), endBytes: Number(last) + 1 };
}

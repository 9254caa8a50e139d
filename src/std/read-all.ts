import { Buffer } from 'node:buffer';
import { Fault } from '../errors/index.ts';

/** All bytes of `source`. More than `limitBytes` is `exhausted`, and no more than that is held. */
export async function readAll(source: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of source) {
    total += chunk.length;
    if (total > limitBytes) throw new Fault('exhausted', `more than the allowed ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total);
}

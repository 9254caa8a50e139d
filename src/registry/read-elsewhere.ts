import { Fault } from '../errors/index.ts';
import type { Descriptor } from '../oci/index.ts';
import type { Remote } from './remote.ts';

/**
 * What `read` makes of a blob. Where the bytes turn out to be wrong, and some of them came from a place beside others that
 * have it too, it is done again with the bytes of another one.
 */
export async function readElsewhere<T>(remote: Remote, descriptor: Descriptor, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isWrong(error) || remote.distrust?.(descriptor) !== true) throw error;
    }
  }
}

/** True where it may be the bytes that are at fault, not the way that they came. */
function isWrong(error: unknown): boolean {
  return Fault.is(error) && ['corrupt', 'invalid', 'exhausted', 'unsupported'].includes(error.code);
}

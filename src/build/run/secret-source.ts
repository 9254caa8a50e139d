import { readFileSync, statSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { faulting } from '../../host/index.ts';
import { bytesOf } from '../../std/index.ts';

/** Where a secret of a build comes from. Its content is looked at when a step needs it. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  /** What a variable of the caller's environment holds. */
  | { readonly kind: 'value'; readonly value: string };

/** Most bytes that a secret may have; BuildKit's limit. */
export const largestSecretBytes = 500 * 1024;

/** The content of the secret as it is now. Fault `exhausted` for more than `largestSecretBytes`. */
export function readSecret(id: string, source: SecretSource): Uint8Array {
  const content = source.kind === 'value' ? Buffer.from(source.value) : readSecretFile(id, source.path);
  if (content.length > largestSecretBytes) throw tooLarge(id);
  return content;
}

function readSecretFile(id: string, path: string): Buffer {
  return faulting(`read secret ${id} from`, bytesOf(path), () => {
    if (statSync(path).size > largestSecretBytes) throw tooLarge(id);
    return readFileSync(path);
  });
}

function tooLarge(id: string): Fault {
  return new Fault('exhausted', `read secret ${id}: it has more than ${largestSecretBytes} bytes`);
}

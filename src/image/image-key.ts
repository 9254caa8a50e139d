import { Fault } from '../errors/index.ts';
import { formatReference, parseReference, type Digest } from '../oci/index.ts';

/** The full reference; what cannot be one may still be the beginning of an ID. */
export function nameOf(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (/^sha256:[0-9a-f]+$/.test(name) || /^[0-9a-f]{64}$/.test(name)) return name;
    throw error;
  }
}

/** The one of `keys` whose hex begins with `name`. Fault `invalid` where there are several. */
export function keyStartingWith(name: string, keys: readonly Digest[]): Digest | undefined {
  const hex = name.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{1,64}$/.test(hex)) return undefined;
  const matching = keys.filter((key) => key.startsWith(`sha256:${hex}`));
  if (matching.length > 1) {
    throw new Fault('invalid', `find image ${name}: several image IDs begin with it`, {
      hint: 'give more of the ID',
    });
  }
  return matching[0];
}

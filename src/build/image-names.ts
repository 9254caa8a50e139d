import { Fault } from '../errors/index.ts';
import { parseReference, type Reference } from '../oci/index.ts';

/** The names that `-t` gives. Fault `invalid` for what cannot be a name, or names content by its digest. */
export function parseNames(tags: readonly string[]): readonly Reference[] {
  return tags.map((tag) => {
    const reference = nameFrom(tag);
    if (reference.digest === undefined) return reference;
    throw new Fault('invalid', `invalid tag ${JSON.stringify(tag)}: a name with a digest cannot be given`);
  });
}

function nameFrom(tag: string): Reference {
  try {
    return parseReference(tag);
  } catch (error) {
    throw Fault.wrap(`invalid tag ${JSON.stringify(tag)}`, error);
  }
}

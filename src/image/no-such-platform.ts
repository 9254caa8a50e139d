import { Fault } from '../errors/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';
import type { StoredIndex } from './image-store.ts';

/** `name` means an index that has nothing for this platform: says what it has. */
export function noSuchPlatform(name: string, platform: Platform, { members }: StoredIndex): Fault {
  const there = members.map((member) => formatPlatform(member.platform)).join(', ');
  return new Fault('not-found', `image ${name}: there is none for ${formatPlatform(platform)}`, {
    hint: `it is there for ${there}`,
  });
}

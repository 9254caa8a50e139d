import { createHash } from 'node:crypto';
import { Fault } from '../errors/index.ts';
import type { CacheMountFacts } from '../state/index.ts';
import { bytesOf, showBytes } from '../std/index.ts';
import type { CacheMountIdentity } from './cache-mounts.ts';

/** With what is taken where nothing is said. Fault `invalid` for an id that cannot be one. */
export function completeIdentity(identity: CacheMountIdentity): Required<CacheMountIdentity> {
  const { id, scope = '', uid = 0, gid = 0, mode = 0o755 } = identity;
  if (id.length >= 1 && id.length <= longestId) return { id, scope, uid, gid, mode };
  throw new Fault(
    'invalid',
    `use cache mount ${JSON.stringify(id.slice(0, 80))}: an id has 1 to ${longestId} characters`,
  );
}

/** A name for the disk that no other identity has, whatever stands in it. */
export function cacheMountKey({ id, scope, uid, gid, mode }: Required<CacheMountIdentity>): string {
  const text = JSON.stringify([id, scope, uid, gid, mode]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** An id for people: whatever it is, it does not reach a terminal as it is. */
export function showCacheId(id: string): string {
  return showBytes(bytesOf(id));
}

export function isCacheMountKey(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** What stands beside a cache's folders. */
export function formatFacts({ id, scope, uid, gid, mode, createdMs }: CacheMountFacts): string {
  return `${JSON.stringify({ id, scope, uid, gid, mode, createdMs }, undefined, 2)}\n`;
}

/** Undefined for what is no such file, or not that of the cache `key`. */
export function parseFacts(text: string, key: string): CacheMountFacts | undefined {
  const value = parseObject(text);
  const { id, scope } = value;
  const [uid, gid, mode, createdMs] = [value['uid'], value['gid'], value['mode'], value['createdMs']].map(Number);
  if (typeof id !== 'string' || typeof scope !== 'string') return undefined;
  const facts = { key, id, scope, uid: uid ?? 0, gid: gid ?? 0, mode: mode ?? 0, createdMs: createdMs ?? 0 };
  return cacheMountKey(facts) === key && Number.isSafeInteger(facts.createdMs) ? facts : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const longestId = 4096;

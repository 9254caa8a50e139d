import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import type { Audience } from './authorizer.ts';
import type { RegistryAddress } from './registry-address.ts';
import type { RegistryQuery, RegistryTransport } from './registry-transport.ts';

export interface ListPagesOptions<T> {
  readonly transport: RegistryTransport;
  readonly accept: string;
  /** For messages. */
  readonly what: string;
  readonly read: (answer: HttpAnswer) => Promise<T>;
  readonly signal: AbortSignal | undefined;
}

/** A list with more pages is not read to its end. */
const maxPages = 1000;

/**
 * The pages of a list, each when it is asked for (RFC 8288, as the distribution specification lists tags and referrers).
 * Fault `invalid` for a list that comes back to where it was, `exhausted` for one that does not end.
 */
export async function* listPages<T>(
  first: string,
  audience: Audience,
  { transport, accept, what, read, signal }: ListPagesOptions<T>,
): AsyncGenerator<T, void, undefined> {
  const seen = new Set<string>();
  let path: string | URL | undefined = first;
  while (path !== undefined) {
    if (seen.size === maxPages) throw new Fault('exhausted', `${what}: they do not end after ${maxPages} pages`);
    seen.add(String(path));
    const readPage = async (answer: HttpAnswer): Promise<Page<T>> => ({
      value: await read(answer),
      next: nextPage(answer, audience.address),
    });
    const query: RegistryQuery = { audience, path, headers: { accept }, what };
    const { value, next }: Page<T> = await transport(query, readPage, signal);
    yield value;
    if (next !== undefined && seen.has(next.href))
      throw new Fault('invalid', `${what}: the list goes round in circles`);
    path = next;
  }
}

interface Page<T> {
  readonly value: T;
  readonly next: URL | undefined;
}

/** Where a list goes on, by the `Link` header; always on the same registry. Undefined at its end. */
function nextPage(answer: HttpAnswer, { origin, registry }: RegistryAddress): URL | undefined {
  const { link } = answer.headers;
  const [, target] = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(typeof link === 'string' ? link : '') ?? [];
  if (target === undefined) return undefined;
  const url = URL.parse(target, origin);
  if (url === null) throw new Fault('invalid', `${registry} names no address where its list goes on`);
  return new URL(`${origin}${url.pathname}${url.search}`);
}

import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import type { RegistryAddress } from './registry-address.ts';

/** Where a list goes on, by the `Link` header (RFC 8288); always on the same registry. Undefined at its end. */
export function nextPage(answer: HttpAnswer, { origin, registry }: RegistryAddress): URL | undefined {
  const { link } = answer.headers;
  const [, target] = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(typeof link === 'string' ? link : '') ?? [];
  if (target === undefined) return undefined;
  const url = URL.parse(target, origin);
  if (url === null) throw new Fault('invalid', `${registry} names no address where its list goes on`);
  return new URL(`${origin}${url.pathname}${url.search}`);
}

import { isIPv4, isIPv6 } from 'node:net';

/**
 * The name servers of `resolvConf` (resolv.conf(5)) as an isolated network sees them. If the first, which is the one that
 * matters, listens on the machine's loopback, it is reached at `forwarded`, and so is the one that is asked where none is
 * named; others that listen there are left out.
 */
export function nameserversWithin(resolvConf: string, forwarded: string): readonly string[] {
  const named = resolvConf.split('\n').flatMap((line) => nameserverOf(line) ?? []);
  const [first = '127.0.0.1'] = named;
  const reachable = named.filter((address) => !isLoopback(address));
  return (isLoopback(first) ? [forwarded, ...reachable] : reachable).slice(0, maxNameservers);
}

/** As many as resolvers read (MAXNS in resolv.h). */
const maxNameservers = 3;

function nameserverOf(line: string): string | undefined {
  const [keyword, address = ''] = line.split(/[ \t]+/);
  if (keyword !== 'nameserver') return undefined;
  const [bare = ''] = address.split('%');
  return isIPv4(bare) || isIPv6(bare) ? address : undefined;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === '0.0.0.0' || address === '::';
}

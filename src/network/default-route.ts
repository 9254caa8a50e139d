import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';

/** Whether this machine knows a way to addresses that it has no other route to, in IPv4 or IPv6. */
export function hasDefaultRoute(): boolean {
  return routes('/proc/net/route').some(isDefault4) || routes('/proc/net/ipv6_route').some(isDefault6);
}

/** The address of the gateway by which this machine reaches all others, in IPv4; undefined where it has none. */
export function defaultGateway(): string | undefined {
  const gateways = routes('/proc/net/route').flatMap((fields) => (isDefault4(fields) ? [fields[2] ?? ''] : []));
  const bytes = Buffer.from(gateways.find((each) => /[^0]/.test(each)) ?? '', 'hex');
  if (bytes.length !== 4) return undefined;
  return (endianness() === 'LE' ? bytes.toReversed() : bytes).join('.');
}

/** Fields of a line of these tables (proc_net(5)); a kernel without the protocol has no table. */
function routes(path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(path, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
  } catch {
    return [];
  }
}

/** Interface, destination, gateway, flags, …, mask. */
function isDefault4([, destination, , , , , , mask]: readonly string[]): boolean {
  return destination === '00000000' && mask === '00000000';
}

/** Destination, its prefix length, …, interface; what leads to `lo` is the kernel's own "unreachable". */
function isDefault6(fields: readonly string[]): boolean {
  return fields[0] === '0'.repeat(32) && fields[1] === '00' && fields[9] !== 'lo';
}

/** A port that a container listens on. */
export interface Port {
  readonly number: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
}

export type PortsResult =
  | { readonly kind: 'ports'; readonly ports: readonly Port[] }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Reads one expanded word of EXPOSE: `80`, `80/udp`, `8000-8010`. As in Docker it may also be written as for publishing,
 * `[[ADDRESS:]HOST-PORT:]PORT`; what stands before the last colon is checked and then left out.
 */
export function parsePorts(spec: string): PortsResult {
  const slash = spec.indexOf('/');
  const protocol = slash < 0 ? 'tcp' : spec.slice(slash + 1).toLowerCase() || 'tcp';
  const parts = (slash < 0 ? spec : spec.slice(0, slash)).split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  if (container === '') return invalid(`invalid port: ${JSON.stringify(spec)}: no port specified`);
  if (!isProtocol(protocol)) return invalid(`invalid port: ${JSON.stringify(spec)}: invalid proto: ${protocol}`);
  const range = parseRange(container);
  const problem = problemBefore(range, { address: parts.join(':'), host, container });
  if (range === undefined || problem !== undefined) return invalid(problem ?? `invalid containerPort: ${container}`);
  const numbers = Array.from({ length: range.last - range.first + 1 }, (_, index) => range.first + index);
  return { kind: 'ports', ports: numbers.map((number) => ({ number, protocol })) };
}

/** What is wrong with the parts that publish a port. */
function problemBefore(
  range: PortRange | undefined,
  parts: { readonly address: string; readonly host: string; readonly container: string },
): string | undefined {
  const { address, host, container } = parts;
  if (address !== '' && !isAddress(address)) return `invalid IP address: ${address}`;
  if (host === '' || range === undefined) return undefined;
  const hostRange = parseRange(host);
  if (hostRange === undefined) return `invalid hostPort: ${host}`;
  const isOne = range.first === range.last;
  if (isOne || range.last - range.first === hostRange.last - hostRange.first) return undefined;
  return `invalid ranges specified for container and host Ports: ${container} and ${host}`;
}

function invalid(message: string): PortsResult {
  return { kind: 'invalid', message };
}

/** `80/tcp`, as image configurations write it. */
export function formatPort(port: Port): string {
  return `${port.number}/${port.protocol}`;
}

function isProtocol(text: string): text is Port['protocol'] {
  return text === 'tcp' || text === 'udp' || text === 'sctp';
}

function isAddress(text: string): boolean {
  if (text.includes(':')) return URL.canParse(`http://[${text.replace(/^\[(.*)\]$/, '$1')}]/`);
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string): PortRange | undefined {
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return first === '' || range.last > 65_535 || range.first > range.last ? undefined : range;
}

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
 * `[ADDRESS:][HOST-PORT:]PORT`; what stands before the last colon is checked and then left out.
 */
export function parsePorts(spec: string): PortsResult {
  const slash = spec.indexOf('/');
  const address = slash < 0 ? spec : spec.slice(0, slash);
  const protocol = slash < 0 ? 'tcp' : spec.slice(slash + 1).toLowerCase() || 'tcp';
  const parts = address.split(':');
  const container = parts.at(-1) ?? '';
  const host = parts.length > 1 ? (parts.at(-2) ?? '') : '';
  if (container === '') return invalid(`invalid port: ${JSON.stringify(spec)}: no port specified`);
  if (!isProtocol(protocol)) return invalid(`invalid port: ${JSON.stringify(spec)}: invalid proto: ${protocol}`);
  const range = parseRange(container);
  if (range === undefined) return invalid(`invalid containerPort: ${container}`);
  if (host !== '' && parseRange(host) === undefined) return invalid(`invalid hostPort: ${host}`);
  const numbers = Array.from({ length: range.last - range.first + 1 }, (_, index) => range.first + index);
  return { kind: 'ports', ports: numbers.map((number) => ({ number, protocol })) };
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

function parseRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return first === '' || range.last > 65_535 || range.first > range.last ? undefined : range;
}

import { parsePorts } from '../ports.ts';
import type { CheckLog, CheckPlace } from './check-report.ts';

/** ExposeProtoCasing and ExposeInvalidFormat, of one expanded word of EXPOSE. */
export function checkPort(port: string, place: CheckPlace, log: CheckLog): void {
  const result = parsePorts(port);
  if (result.kind === 'invalid') log.refuse(result.message, place);
  const lastColon = port.lastIndexOf(':');
  const slash = port.indexOf('/', lastColon + 1);
  const protocol = slash < 0 ? '' : port.slice(slash + 1);
  if (protocol !== protocol.toLowerCase()) {
    log.find('ExposeProtoCasing', `Defined protocol '${port}' in EXPOSE instruction should be lowercase`, place);
  }
  if (lastColon > 0) {
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
    log.find('ExposeInvalidFormat', message, place);
  }
}

import { Fault } from '../errors/index.ts';
import type { RegistryAddress } from './registry-address.ts';

/**
 * Where a registry says that an upload goes on: below itself, or on another host. Registries behind a proxy that speaks
 * TLS for them name themselves with plain HTTP: that is set right. Another host has to speak TLS where the registry does.
 */
export function locationOf(location: string | undefined, { origin, registry }: RegistryAddress): URL {
  const url = location === undefined ? null : URL.parse(location, origin);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Fault('unavailable', `${registry} does not say where the upload goes on`);
  }
  url.username = '';
  url.password = '';
  const home = new URL(origin);
  if (home.protocol === 'https:' && url.protocol === 'http:') {
    if (url.hostname !== home.hostname)
      throw new Fault('denied', `${registry} sends the upload on to plain HTTP on ${url.host}`);
    url.protocol = 'https:';
    url.port = home.port;
  }
  return url;
}

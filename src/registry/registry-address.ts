import { dockerHub } from '../oci/index.ts';

/** Where a registry is asked: the part of all its URLs before `/v2/`. */
export interface RegistryAddress {
  /** As names have it, and as credentials are kept: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly origin: string;
  /** True where plain HTTP, or any certificate, will do. */
  readonly insecure: boolean;
}

/** HTTP for loopback and for registries in `insecureRegistries`, HTTPS otherwise. Docker Hub lives under another name. */
export function registryAddress(
  registry: string,
  insecureRegistries: Pick<ReadonlySet<string>, 'has'>,
): RegistryAddress {
  if (registry === dockerHub) return { registry, origin: 'https://registry-1.docker.io', insecure: false };
  const insecure = isLoopback(registry) || insecureRegistries.has(registry);
  return { registry, origin: `${insecure ? 'http' : 'https'}://${registry}`, insecure };
}

/** Somewhere nobody but this machine's own listens. */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

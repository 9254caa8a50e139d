import type { Reference } from '../oci/index.ts';
import { RegistryClient, type Credentials } from '../registry/index.ts';
import type { Store } from './store.ts';

export interface RegistryClientChoice {
  /** A name whose registry need not prove who it is, and may be spoken to without TLS. */
  readonly insecure?: Pick<Reference, 'registry'> | undefined;
  /** Shown to every registry, in place of what is kept. */
  readonly credentials?: Credentials;
}

/** A client that knows what this machine and this person have for registries. Dispose of it. */
export function openRegistryClient(
  { version, proxies, registries }: Pick<Store, 'version' | 'proxies' | 'registries'>,
  { insecure, credentials: given }: RegistryClientChoice = {},
): RegistryClient {
  const { credentials, certificates, settings } = registries;
  const known = settings();
  return new RegistryClient({
    userAgent: `varve/${version}`,
    proxies,
    credentials: async (registry, repository) => given ?? credentials.find(registry, repository),
    certificates,
    mirrors: known.mirrors,
    insecureRegistries: insecure === undefined ? known.insecure : new Set([...known.insecure, insecure.registry]),
  });
}

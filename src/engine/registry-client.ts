import type { Reference } from '../oci/index.ts';
import { RegistryClient, type Credentials, type RegistryClientOptions } from '../registry/index.ts';
import type { Store } from './store.ts';

export interface RegistryClientChoice {
  /** Registries that need not prove who they are, and may be spoken to without TLS, whatever else is known of them. */
  readonly insecure?: RegistryNames | undefined;
  /** Shown to every registry, in place of what is kept. */
  readonly credentials?: Credentials;
  /** Default: those of the client. */
  readonly limits?: Pick<RegistryClientOptions, 'timeouts' | 'patienceMs'>;
}

export type RegistryNames = Pick<ReadonlySet<string>, 'has'>;

/** What `tlsVerify: false` means where registries are not known beforehand. */
export const everyRegistry: RegistryNames = { has: () => true };

/** The registry of a name, where it need not prove who it is. */
export function unverified(
  { registry }: Pick<Reference, 'registry'>,
  { tlsVerify }: { readonly tlsVerify?: boolean | undefined },
): RegistryNames | undefined {
  return tlsVerify === false ? new Set([registry]) : undefined;
}

/** A client that knows what this machine and this person have for registries. Dispose of it. */
export function openRegistryClient(
  { version, proxies, registries }: Pick<Store, 'version' | 'proxies' | 'registries'>,
  { insecure = new Set(), credentials: given, limits }: RegistryClientChoice = {},
): RegistryClient {
  const { credentials, certificates, settings } = registries;
  const known = settings();
  return new RegistryClient({
    userAgent: `varve/${version}`,
    proxies,
    credentials: async (registry, repository) => given ?? credentials.find(registry, repository),
    certificates: (host) => {
      const own = certificates(host);
      return own !== undefined && insecure.has(host) ? { ...own, authorities: [] } : own;
    },
    mirrors: known.mirrors,
    ...(known.silenceMs !== undefined && { timeouts: { answerMs: known.silenceMs, stallMs: known.silenceMs } }),
    ...limits,
    insecureRegistries: { has: (registry) => insecure.has(registry) || known.insecure.has(registry) },
  });
}

import type { TlsSettings } from '../http/index.ts';
import { once } from '../std/index.ts';
import { certificatesOf } from './certificate-folders.ts';
import { credentialPlaces, type CredentialStore } from './credential-store.ts';
import { localCredentialStore } from './local-credential-store.ts';
import { readRegistrySettings, type RegistrySettings } from './registry-settings.ts';

/** What this machine and this person have for registries. Nothing is read before it is asked for. */
export interface RegistryAccess {
  readonly credentials: CredentialStore;
  readonly settings: () => RegistrySettings;
  /** What is trusted of, and shown to, a registry beyond the usual. */
  readonly certificates: (host: string) => Omit<TlsSettings, 'isVerified'> | undefined;
}

/** As an environment says where it is: `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE`, `VARVE_REGISTRIES` and their defaults. */
export function openRegistryAccess(env: Readonly<Record<string, string | undefined>>): RegistryAccess {
  const settings = once(() => readRegistrySettings(env['VARVE_REGISTRIES'] || '/etc/varve/registries.json'));
  return {
    credentials: localCredentialStore(credentialPlaces(env)),
    settings,
    certificates: (host) => certificatesOf(host, settings().certificateRoots),
  };
}

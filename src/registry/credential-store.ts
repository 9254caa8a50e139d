import type { Credentials } from './authorizer.ts';

/**
 * Who this person is to registries, as Docker's and Podman's own files and helper programs keep it. The same login serves
 * all of them.
 *
 * Credentials are kept for a registry, and by Podman for parts of one; they are given for exactly that one. A file that
 * is missing is an empty one; a file that cannot be understood is an `invalid` Fault that names it, and not its content.
 */
export interface CredentialStore {
  /** What is kept for the repository, else for the registry; Docker's word before Podman's. */
  find(registry: string, repository: string): Promise<Credentials | undefined>;

  /** Keeps it where Docker does: in its helper program if it has one for the registry, else in its file, mode 0600. */
  save(registry: string, credentials: Credentials): Promise<SavedPlace>;

  /** Forgets what Docker keeps for the registry: true if there was something. */
  remove(registry: string): Promise<boolean>;
}

export type SavedPlace =
  | { readonly kind: 'helper'; readonly program: string }
  | { readonly kind: 'file'; readonly path: string };

/** Where credentials are kept on a machine. */
export interface CredentialPlaces {
  /** Docker's `config.json`. */
  readonly dockerConfig: string;
  /** Podman's `auth.json`, in the order in which they count. */
  readonly podmanFiles: readonly string[];
  /** What helper programs see of the environment, and where they are found (`PATH`). */
  readonly env: Readonly<Record<string, string>>;
}

/** The places that an environment means, by the rules of docker and podman. */
export function credentialPlaces(env: Readonly<Record<string, string | undefined>>): CredentialPlaces {
  const home = env['HOME'] || '/root';
  const runtime = env['XDG_RUNTIME_DIR'] || '/run/containers/0';
  const runtimeFile = env['XDG_RUNTIME_DIR'] ? `${runtime}/containers/auth.json` : `${runtime}/auth.json`;
  const configured = `${env['XDG_CONFIG_HOME'] || `${home}/.config`}/containers/auth.json`;
  const set = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return {
    dockerConfig: `${env['DOCKER_CONFIG'] || `${home}/.docker`}/config.json`,
    podmanFiles: env['REGISTRY_AUTH_FILE'] ? [env['REGISTRY_AUTH_FILE']] : [runtimeFile, configured],
    env: Object.fromEntries(set),
  };
}

import { Fault } from '../errors/index.ts';
import { dockerHub, parseReference, tagOrDigest } from '../oci/index.ts';
import type {
  LoginOptions,
  LoginResult,
  Referrer,
  ReferrersOptions,
  Registries,
  RegistryAccessOptions,
  RegistryManifest,
} from './registries.ts';
import { openRegistryClient, unverified } from './registry-client.ts';
import type { Store } from './store.ts';

/** Registries as this machine and this person reach them. */
export class LocalRegistries implements Registries {
  readonly #store: Pick<Store, 'version' | 'proxies' | 'registries'>;

  constructor(store: Pick<Store, 'version' | 'proxies' | 'registries'>) {
    this.#store = store;
  }

  async login({ server, username, password, tlsVerify, signal }: LoginOptions): Promise<LoginResult> {
    const registry = registryNamed(server);
    const credentials = { username, password };
    using client = openRegistryClient(this.#store, { insecure: unverified({ registry }, { tlsVerify }), credentials });
    const { identityToken } = await client.checkLogin(registry, { signal }).catch((error: unknown) => {
      throw Fault.is(error, 'unauthenticated') || Fault.is(error, 'denied') ? wrongPassword(registry, error) : error;
    });
    const kept = identityToken === undefined ? credentials : { identityToken };
    return { server: registry, keptIn: await this.#store.registries.credentials.save(registry, kept) };
  }

  logout(server: string): Promise<boolean> {
    return this.#store.registries.credentials.remove(registryNamed(server));
  }

  async *tags(repository: string, options: RegistryAccessOptions): AsyncGenerator<string, void, undefined> {
    const reference = parseReference(repository);
    using client = openRegistryClient(this.#store, { insecure: unverified(reference, options) });
    yield* client.repository(reference).tags(options);
  }

  async manifest(name: string, options: RegistryAccessOptions): Promise<RegistryManifest> {
    const reference = parseReference(name);
    using client = openRegistryClient(this.#store, { insecure: unverified(reference, options) });
    const { digest, mediaType, bytes } = await client.repository(reference).manifest(tagOrDigest(reference), options);
    return { digest, mediaType, bytes };
  }

  async referrers(name: string, options: ReferrersOptions): Promise<readonly Referrer[]> {
    const reference = parseReference(name);
    using client = openRegistryClient(this.#store, { insecure: unverified(reference, options) });
    const remote = client.repository(reference);
    const digest = reference.digest ?? (await remote.manifest(tagOrDigest(reference), options)).digest;
    const found = await remote.referrers(digest, options);
    return found.map(({ artifactType = '', annotations = {}, ...each }) => ({
      digest: each.digest,
      artifactType,
      sizeBytes: each.size,
      annotations,
    }));
  }
}

function wrongPassword(registry: string, cause: Fault): Fault {
  return new Fault('unauthenticated', `log in to ${registry}: unauthorized: incorrect username or password`, { cause });
}

/** A server as people write it: with a scheme at times, Docker Hub under any of its names. Fault `invalid`. */
function registryNamed(server: string | undefined): string {
  if (server === undefined || server === '') return dockerHub;
  const host = server.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  if (hubNames.has(host)) return dockerHub;
  const registry = host.includes('/') ? dockerHub : parseReference(`${host}/image`).registry;
  if (registry !== dockerHub) return registry;
  throw new Fault('invalid', `${JSON.stringify(server)} is not a registry's host name`, {
    hint: 'it has a dot or a port, or is localhost',
  });
}

const hubNames: ReadonlySet<string> = new Set([dockerHub, 'index.docker.io', 'registry-1.docker.io']);

import { setTimeout as timer } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import {
  openConnections,
  type HttpConnections,
  type HttpTimeouts,
  type ProxySettings,
  type TlsSettings,
} from '../http/index.ts';
import type { Reference } from '../oci/index.ts';
import type { Clock, Sleep } from '../std/index.ts';
import { repositoryScope } from './auth-scope.ts';
import type { Audience, Authorizer, AuthorizerOptions, CredentialProvider } from './authorizer.ts';
import { createAuthorizer } from './authorizer.ts';
import { MirroredRemote } from './mirrored-remote.ts';
import { isLoopback, registryAddress } from './registry-address.ts';
import { RegistryRepository, type RepositoryOptions } from './registry-repository.ts';
import { RegistryTarget } from './registry-target.ts';
import { createTransport } from './registry-transport.ts';
import type { Remote, WaitOptions } from './remote.ts';
import type { RemoteListing, RemoteTarget } from './remote-target.ts';

export interface RegistryClientOptions {
  /** `varve/0.1.0`. */
  readonly userAgent: string;
  /** Default: nobody has credentials. */
  readonly credentials?: CredentialProvider;
  /**
   * Registries, as names have them, to speak plain HTTP with, or TLS with any certificate where they want TLS. Loopback is
   * always among them.
   */
  readonly insecureRegistries?: Pick<ReadonlySet<string>, 'has'>;
  /** What is trusted of, and shown to, a host beyond the usual. A registry that has some is spoken to over TLS. */
  readonly certificates?: (host: string) => Omit<TlsSettings, 'isVerified'> | undefined;
  /** By registry: `HOST[:PORT][/PATH]`, asked before it, in this order. */
  readonly mirrors?: ReadonlyMap<string, readonly string[]>;
  /** Default: none. */
  readonly proxies?: ProxySettings;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Tries for one request, the first included. Default 5. */
  readonly maxAttempts?: number;
  /** No try of a request begins later than so long after its first. Default: however long they take. */
  readonly patienceMs?: number;
  readonly sleep?: Sleep;
  readonly clock?: Clock;
}

const defaultTimeouts: HttpTimeouts = { answerMs: 30_000, stallMs: 30_000, minBytes: 1024 };
/** There is somebody else to ask. */
const mirrorAttempts = 2;
const patience = { firstDelayMs: 250, maxDelayMs: 20_000, random: Math.random };

/**
 * Talks to registries. Keeps connections and tokens while it lives; dispose of it to close idle connections. One
 * client serves any number of registries and callers at once.
 */
export class RegistryClient implements Disposable {
  readonly #connections: HttpConnections;
  readonly #authorizer: Authorizer;
  readonly #options: RegistryClientOptions;
  readonly #protocols = new Map<string, 'http:' | 'https:'>();

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#connections = openConnections(
      { ...defaultTimeouts, ...options.timeouts },
      { proxies: options.proxies ?? {}, tlsFor: (host) => this.#tls(host) },
    );
    this.#authorizer = this.#newAuthorizer({});
  }

  /** The repository that a reference names, to be read. Nothing is sent yet. */
  repository({ registry, repository }: Reference): Remote & RemoteListing {
    const origin = new RegistryRepository(this.#audience(registry, repository, 'pull'), this.#repositoryOptions());
    const mirrors = this.#options.mirrors?.get(registry) ?? [];
    if (mirrors.length === 0) return origin;
    return new MirroredRemote(
      origin,
      mirrors.map((mirror) => ({ remote: this.#mirror(mirror, repository), isDown: false })),
    );
  }

  /** The repository that a reference names, to be written. Nothing is sent yet. */
  target({ registry, repository }: Reference): RemoteTarget {
    return new RegistryTarget(this.#audience(registry, repository, 'pull,push'), this.#repositoryOptions());
  }

  /**
   * Asks the registry whether it lets this person in, and gives the identity token that its token server may give in place
   * of the password. Fault `unauthenticated` or `denied` if not.
   */
  async checkLogin(registry: string, { signal }: WaitOptions): Promise<{ readonly identityToken: string | undefined }> {
    const { address } = this.#audience(registry, '', 'pull');
    let identityToken: string | undefined;
    const authorizer = this.#newAuthorizer({ onIdentityToken: (token) => (identityToken = token) });
    const { transport } = this.#repositoryOptions({ authorizer });
    const query = {
      audience: { address, repository: '', scopes: [] },
      path: new URL(`${address.origin}/v2/`),
      headers: {},
      what: `log in to ${registry}`,
    };
    await transport(query, (answer) => answer.discard(), signal);
    return { identityToken };
  }

  /** A mirror has a name of its own, and gets no credentials but those that are kept for it. */
  #mirror(mirror: string, repository: string): Remote {
    const [registry = '', ...path] = mirror.split('/');
    const audience = this.#audience(registry, [...path, repository].join('/'), 'pull');
    return new RegistryRepository(audience, this.#repositoryOptions({ attempts: mirrorAttempts }));
  }

  #tls(host: string): TlsSettings | undefined {
    const { certificates = () => undefined, insecureRegistries = new Set() } = this.#options;
    const own = certificates(host) ?? certificates(`${host}:443`);
    const isLax = insecureRegistries.has(host) || isLoopback(host);
    if (own === undefined) return isLax ? { authorities: [], identities: [], isVerified: false } : undefined;
    return { ...own, isVerified: !isLax || own.authorities.length > 0 };
  }

  #audience(registry: string, repository: string, actions: 'pull' | 'pull,push'): Audience {
    const { insecureRegistries = new Set(), certificates = () => undefined } = this.#options;
    const plain = registryAddress(registry, insecureRegistries);
    const isSecured = plain.insecure && (certificates(registry)?.authorities.length ?? 0) > 0;
    const address = isSecured ? { registry, origin: `https://${registry}`, insecure: false } : plain;
    return { address, repository, scopes: [repositoryScope(repository, actions)] };
  }

  #newAuthorizer(asking: Pick<AuthorizerOptions, 'onIdentityToken'>): Authorizer {
    const { userAgent, credentials = () => Promise.resolve(undefined), clock = Date } = this.#options;
    return createAuthorizer({ exchange: this.#connections.exchange, credentials, clock, userAgent, ...asking });
  }

  #repositoryOptions({ attempts, authorizer = this.#authorizer }: Asking = {}): RepositoryOptions {
    const { userAgent, patienceMs, clock = Date, sleep = sleepFor } = this.#options;
    const maxAttempts = attempts ?? this.#options.maxAttempts ?? 5;
    const transport = createTransport({
      exchange: this.#connections.exchange,
      authorizer,
      userAgent,
      protocols: this.#protocols,
      patience: { ...patience, maxAttempts, sleep, ...(patienceMs && { within: { clock, totalMs: patienceMs } }) },
    });
    return { transport, sleep, maxCuts: maxAttempts - 1, cutDelayMs: patience.firstDelayMs };
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}

interface Asking {
  readonly attempts?: number;
  readonly authorizer?: Authorizer;
}

async function sleepFor(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await timer(delayMs, undefined, signal && { signal });
  } catch (error) {
    throw new Fault('cancelled', 'wait before the next try: cancelled', { cause: error });
  }
}

import { setTimeout as timer } from 'node:timers/promises';
import { Fault } from '../errors/index.ts';
import { openConnections, type HttpConnections, type HttpTimeouts, type ProxySettings } from '../http/index.ts';
import type { Reference } from '../oci/index.ts';
import type { Clock, Sleep } from '../std/index.ts';
import { repositoryScope } from './auth-scope.ts';
import type { Audience, Authorizer, CredentialProvider } from './authorizer.ts';
import { createAuthorizer } from './authorizer.ts';
import { registryAddress } from './registry-address.ts';
import { RegistryRepository, type RepositoryOptions } from './registry-repository.ts';
import { RegistryTarget } from './registry-target.ts';
import { createTransport } from './registry-transport.ts';
import type { Remote } from './remote.ts';
import type { RemoteListing, RemoteTarget } from './remote-target.ts';

export interface RegistryClientOptions {
  /** `varve/0.1.0`. */
  readonly userAgent: string;
  /** Default: nobody has credentials. */
  readonly credentials?: CredentialProvider;
  /** Registries, as names have them, to speak plain HTTP with. Loopback is always among them. */
  readonly insecureRegistries?: ReadonlySet<string>;
  /** Default: none. */
  readonly proxies?: ProxySettings;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Tries for one request, the first included. Default 5. */
  readonly maxAttempts?: number;
  readonly sleep?: Sleep;
  readonly clock?: Clock;
}

const defaultTimeouts: HttpTimeouts = { answerMs: 30_000, stallMs: 30_000, minBytes: 1024 };
const patience = { firstDelayMs: 250, maxDelayMs: 20_000, random: Math.random };

/**
 * Talks to registries. Keeps connections and tokens while it lives; dispose of it to close idle connections. One
 * client serves any number of registries and callers at once.
 */
export class RegistryClient implements Disposable {
  readonly #connections: HttpConnections;
  readonly #authorizer: Authorizer;
  readonly #options: RegistryClientOptions;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#connections = openConnections({ ...defaultTimeouts, ...options.timeouts }, options.proxies ?? {});
    this.#authorizer = createAuthorizer({
      exchange: this.#connections.exchange,
      credentials: options.credentials ?? (() => Promise.resolve(undefined)),
      clock: options.clock ?? Date,
      userAgent: options.userAgent,
    });
  }

  /** The repository that a reference names, to be read. Nothing is sent yet. */
  repository({ registry, repository }: Reference): Remote & RemoteListing {
    return new RegistryRepository(this.#audience(registry, repository, 'pull'), this.#repositoryOptions());
  }

  /** The repository that a reference names, to be written. Nothing is sent yet. */
  target({ registry, repository }: Reference): RemoteTarget {
    return new RegistryTarget(this.#audience(registry, repository, 'pull,push'), this.#repositoryOptions());
  }

  #audience(registry: string, repository: string, actions: 'pull' | 'pull,push'): Audience {
    const { insecureRegistries = new Set() } = this.#options;
    const address = registryAddress(registry, insecureRegistries);
    return { address, repository, scopes: [repositoryScope(repository, actions)] };
  }

  #repositoryOptions(): RepositoryOptions {
    const { userAgent, sleep = sleepFor, maxAttempts = 5 } = this.#options;
    const transport = createTransport({
      exchange: this.#connections.exchange,
      authorizer: this.#authorizer,
      userAgent,
      patience: { ...patience, maxAttempts, sleep },
    });
    return { transport, sleep, maxCuts: maxAttempts - 1, cutDelayMs: patience.firstDelayMs };
  }

  [Symbol.dispose](): void {
    this.#connections[Symbol.dispose]();
  }
}

async function sleepFor(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await timer(delayMs, undefined, signal && { signal });
  } catch (error) {
    throw new Fault('cancelled', 'wait before the next try: cancelled', { cause: error });
  }
}

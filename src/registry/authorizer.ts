import { Fault } from '../errors/index.ts';
import { exchangeFollowing, type HttpExchange } from '../http/index.ts';
import { defined, parseJsonObject, countAt, textAt } from '../oci/index.ts';
import type { Clock } from '../std/index.ts';
import { createSingleFlight, readAll } from '../std/index.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import { parseAuthChallenge } from './auth-challenge.ts';
import type { RegistryAddress } from './registry-address.ts';
import { statusFault } from './registry-fault.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Looks up what is kept for exactly this registry; undefined means to go without. */
export type CredentialProvider = (registry: string) => Promise<Credentials | undefined>;

/** Who is asked for what: tokens are good for one repository of one registry. */
export interface Audience {
  readonly address: RegistryAddress;
  readonly repository: string;
}

/** Knows the `Authorization` header that a registry wants. Headers are kept in memory only, and never in a message. */
export interface Authorizer {
  /** The header that did last time, unless it has run out. */
  known(audience: Audience): string | undefined;
  /**
   * The header that meets a `401`'s challenge: basic with the credentials, or a token fetched for them (or for nobody).
   * `unauthenticated` where there is no way to meet it. Callers at the same time share one token request.
   */
  meet(audience: Audience, challenge: string | undefined, signal: AbortSignal | undefined): Promise<string>;
}

export interface AuthorizerOptions {
  readonly exchange: HttpExchange;
  readonly credentials: CredentialProvider;
  readonly clock: Clock;
  readonly userAgent: string;
}

interface Header {
  readonly value: string;
  readonly expiresMs: number;
}

const maxTokenAnswerBytes = 1024 * 1024;
/** What the token specification says where the server does not. */
const defaultLifetimeMs = 60_000;
/** Tokens are renewed a little before they end, for the way takes time and clocks differ. */
const marginMs = 5000;

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const headers = new Map<string, Header>();
  const flight = createSingleFlight<string, string>();
  return {
    known: (audience) => {
      const header = headers.get(keyOf(audience));
      return header !== undefined && header.expiresMs > options.clock.now() ? header.value : undefined;
    },
    meet: (audience, challenge, signal) => {
      const work = async (shared: AbortSignal): Promise<string> => {
        const header = await meetChallenge(audience, parseAuthChallenge(challenge ?? ''), {
          ...options,
          signal: shared,
        });
        headers.set(keyOf(audience), header);
        return header.value;
      };
      return flight(keyOf(audience), work, signal);
    },
  };
}

type MeetOptions = AuthorizerOptions & { readonly signal: AbortSignal };

function keyOf({ address, repository }: Audience): string {
  return `${address.registry}/${repository}`;
}

async function meetChallenge(
  audience: Audience,
  challenge: AuthChallenge | undefined,
  options: MeetOptions,
): Promise<Header> {
  const { registry } = audience.address;
  if (challenge === undefined) {
    throw new Fault('unauthenticated', `${registry} wants to know who asks, in a way that is not known here`);
  }
  const credentials = await options.credentials(registry);
  if (challenge.kind === 'bearer') return fetchToken(audience, challenge, { ...options, account: credentials });
  if (credentials === undefined) {
    throw new Fault('unauthenticated', `${registry} wants a user name and a password`, {
      hint: `log in to ${registry} first`,
    });
  }
  return { value: basic(credentials), expiresMs: Infinity };
}

async function fetchToken(
  audience: Audience,
  challenge: AuthChallenge & { readonly kind: 'bearer' },
  options: MeetOptions & { readonly account: Credentials | undefined },
): Promise<Header> {
  const { exchange, account, signal, clock, userAgent } = options;
  const url = tokenUrl(audience, challenge);
  const answer = await exchangeFollowing(
    exchange,
    { url, headers: { 'user-agent': userAgent, accept: 'application/json' } },
    { authorization: account && basic(account), signal },
  );
  const what = `token for ${audience.repository} from ${url.host}`;
  if (answer.status !== 200) throw (await statusFault(answer, what, audience.address.registry)).fault;
  return readToken(await readAll(answer.body, maxTokenAnswerBytes), what, clock.now());
}

/** A token server that is asked over plain HTTP would read the password aloud: only an insecure registry may name one. */
function tokenUrl({ address, repository }: Audience, challenge: AuthChallenge & { readonly kind: 'bearer' }): URL {
  const url = URL.parse(challenge.realm);
  const allowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && address.insecure);
  if (url === null || !allowed) {
    throw new Fault(
      'unauthenticated',
      `${address.registry} names no safe token server: ${JSON.stringify(challenge.realm)}`,
    );
  }
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  url.searchParams.set('scope', challenge.scope ?? `repository:${repository}:pull`);
  return url;
}

function readToken(bytes: Uint8Array, what: string, nowMs: number): Header {
  const fields = parseJsonObject(bytes);
  const answer = defined({ token: textAt(fields, 'token'), oauth: textAt(fields, 'access_token') });
  const token = answer.token ?? answer.oauth ?? '';
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Fault('unauthenticated', `${what}: there is no token in the answer`);
  const seconds = countAt(fields, 'expires_in');
  const lifetimeMs = seconds === undefined ? defaultLifetimeMs : seconds * 1000;
  return { value: `Bearer ${token}`, expiresMs: nowMs + lifetimeMs - marginMs };
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

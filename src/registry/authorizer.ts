import { Fault } from '../errors/index.ts';
import { exchangeFollowing, type HttpAnswer, type HttpExchange, type HttpRequest } from '../http/index.ts';
import { defined, parseJsonObject, countAt, textAt } from '../oci/index.ts';
import type { Clock } from '../std/index.ts';
import { createSingleFlight, readAll } from '../std/index.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import { parseAuthChallenge } from './auth-challenge.ts';
import { mergeScopes } from './auth-scope.ts';
import type { RegistryAddress } from './registry-address.ts';
import { statusFault } from './registry-fault.ts';

/** Who somebody is: by a password, or by a token that a token server gave for it (`identitytoken`, a refresh token). */
export type Credentials = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/** Looks up what is kept for exactly this registry, or this repository of it; undefined means to go without. */
export type CredentialProvider = (registry: string, repository: string) => Promise<Credentials | undefined>;

/** Who is asked for what: tokens are good for some actions on some repositories of one registry. */
export interface Audience {
  readonly address: RegistryAddress;
  /** The one that is asked; '' for the registry itself. */
  readonly repository: string;
  /** What is to be done (`repository:a/b:pull,push`), as token servers word it. */
  readonly scopes: readonly string[];
}

/** Knows the `Authorization` header that a registry wants. Headers are kept in memory only, and never in a message. */
export interface Authorizer {
  /** The header that did last time, unless it has run out. */
  known(audience: Audience): string | undefined;
  /**
   * The header that meets a `401`'s challenge: basic with the credentials, or a token fetched for them (or for nobody).
   * `unauthenticated` where there is no way to meet it, `unavailable` where what the registry or its token server say makes
   * no sense. Callers at the same time share one token request.
   */
  meet(audience: Audience, challenge: string | undefined, signal: AbortSignal | undefined): Promise<string>;
}

export interface AuthorizerOptions {
  readonly exchange: HttpExchange;
  readonly credentials: CredentialProvider;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Takes the token that a token server gives in place of the password; it is asked for where somebody takes it. */
  readonly onIdentityToken?: (identityToken: string) => void;
}

interface Header {
  readonly value: string;
  readonly expiresMs: number;
}

/** A token goes with every request, and few servers take more than 16 KiB of headers. */
const maxTokenAnswerBytes = 64 * 1024;
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

function keyOf({ address, scopes }: Audience): string {
  return [address.registry, ...scopes].join(' ');
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
  const credentials = await options.credentials(registry, audience.repository);
  if (challenge.kind === 'bearer') return fetchToken(audience, challenge, { ...options, account: credentials });
  if (credentials === undefined || 'identityToken' in credentials) {
    throw new Fault('unauthenticated', `${registry} wants a user name and a password`, {
      hint: `log in to ${registry} first`,
    });
  }
  return { value: basic(credentials), expiresMs: Infinity };
}

type Bearer = AuthChallenge & { readonly kind: 'bearer' };

interface Asking extends MeetOptions {
  readonly account: Credentials | undefined;
}

async function fetchToken(audience: Audience, challenge: Bearer, options: Asking): Promise<Header> {
  const { registry } = audience.address;
  const realm = tokenServer(audience, challenge);
  const what = `token for ${audience.repository || registry} from ${realm.host}`;
  try {
    const scopes = mergeScopes([...audience.scopes, ...(challenge.scope ?? '').split(' ')]);
    const answer = await askForToken(realm, { challenge, scopes }, options);
    if (answer.status !== 200) throw (await statusFault(answer, what, registry)).fault;
    const read = readToken(await readAll(answer.body, maxTokenAnswerBytes), what, options.clock.now());
    if (read.identityToken !== undefined) options.onIdentityToken?.(read.identityToken);
    return read.header;
  } catch (error) {
    throw Fault.is(error) && error.message.startsWith(what) ? error : Fault.wrap(what, error);
  }
}

/** A body with a token in it goes to the server that was named, and nowhere else. */
function askForToken(
  realm: URL,
  query: TokenQuery,
  { exchange, account, signal, userAgent, onIdentityToken }: Asking,
): Promise<HttpAnswer> {
  const headers = { 'user-agent': userAgent, accept: 'application/json' };
  if (account !== undefined && 'identityToken' in account) {
    return exchange(refreshRequest(realm, headers, { ...query, identityToken: account.identityToken }), signal);
  }
  const request = { url: withQuery(realm, { ...query, isOffline: onIdentityToken !== undefined }), headers };
  return exchangeFollowing(exchange, request, { authorization: account && basic(account), signal });
}

/** A token server that is asked over plain HTTP would read the password aloud: only an insecure registry may name one. */
function tokenServer({ address }: Audience, { realm }: Bearer): URL {
  const url = URL.parse(realm);
  const allowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && address.insecure);
  if (url !== null && allowed) return url;
  throw new Fault('unavailable', `${address.registry} names no safe token server: ${JSON.stringify(realm)}`);
}

interface TokenQuery {
  readonly challenge: Bearer;
  readonly scopes: readonly string[];
}

/** `offline_token` asks for a refresh token beside the one for now. */
function withQuery(realm: URL, { challenge, scopes, isOffline }: TokenQuery & { readonly isOffline: boolean }): URL {
  const url = new URL(realm);
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (isOffline) url.searchParams.set('offline_token', 'true');
  if (isOffline) url.searchParams.set('client_id', clientId);
  return url;
}

/** What this program is called to token servers. */
const clientId = 'varve';

/** The token specification's way for those who have a refresh token ("OAuth2 Token Authentication"). */
function refreshRequest(
  realm: URL,
  headers: Readonly<Record<string, string>>,
  { challenge, scopes, identityToken }: TokenQuery & { readonly identityToken: string },
): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: identityToken });
  if (challenge.service !== undefined) form.set('service', challenge.service);
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  const bytes = Buffer.from(form.toString());
  return {
    method: 'POST',
    url: realm,
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: { sizeBytes: bytes.length, open: () => [bytes] },
  };
}

interface TokenAnswer {
  readonly header: Header;
  readonly identityToken: string | undefined;
}

function readToken(bytes: Uint8Array, what: string, nowMs: number): TokenAnswer {
  const fields = parseJsonObject(bytes);
  const answer = defined({ token: textAt(fields, 'token'), oauth: textAt(fields, 'access_token') });
  const token = answer.token ?? answer.oauth ?? '';
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Fault('unavailable', `${what}: there is no token in the answer`);
  const seconds = countAt(fields, 'expires_in');
  const lifetimeMs = seconds === undefined ? defaultLifetimeMs : seconds * 1000;
  return {
    header: { value: `Bearer ${token}`, expiresMs: nowMs + lifetimeMs - marginMs },
    identityToken: textAt(fields, 'refresh_token') || undefined,
  };
}

function basic({ username, password }: Extract<Credentials, { readonly username: string }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

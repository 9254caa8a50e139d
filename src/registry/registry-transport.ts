import { Fault } from '../errors/index.ts';
import {
  exchangeFollowing,
  isCut,
  isNoTls,
  isRefused,
  isTransient,
  isUntrusted,
  type HttpAnswer,
  type HttpBody,
  type HttpExchange,
  type HttpRequest,
} from '../http/index.ts';
import type { Attempt, RetryOptions } from '../std/index.ts';
import { retry, throwIfAborted } from '../std/index.ts';
import type { Audience, Authorizer } from './authorizer.ts';
import type { RegistryAddress } from './registry-address.ts';
import { statusFault } from './registry-fault.ts';

export interface RegistryQuery {
  /** Default GET. */
  readonly method?: HttpRequest['method'];
  readonly audience: Audience;
  /** Below the repository, `manifests/latest`; or where the registry itself said to go on. */
  readonly path: string | URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** A status that is an answer too, beside success. */
  readonly alsoStatus?: number;
  /** For messages: `docker.io/library/alpine: manifest latest`. */
  readonly what: string;
}

/** What an answer is turned into. It belongs to the try: where the connection fails under it, all is tried again. */
type ReadAnswer<T> = (answer: HttpAnswer) => Promise<T> | T;

/** Asks a registry: with authorisation and redirects. Only a success (2xx), and what the query
 * takes for one, is given to `read`; all else is a Fault. */
export interface RegistryTransport {
  /** With patience. */
  <T>(query: RegistryQuery, read: ReadAnswer<T>, signal: AbortSignal | undefined): Promise<T>;
  /** One try, for those who go on in another way when it fails. */
  once<T>(query: RegistryQuery, read: ReadAnswer<T>, signal: AbortSignal | undefined): Promise<Attempt<T>>;
}

export interface TransportOptions {
  readonly exchange: HttpExchange;
  readonly authorizer: Authorizer;
  readonly userAgent: string;
  /** What insecure registries turned out to speak. */
  readonly protocols: Map<string, 'http:' | 'https:'>;
  readonly patience: Omit<RetryOptions, 'signal'>;
}

export function createTransport(options: TransportOptions): RegistryTransport {
  const once: RegistryTransport['once'] = (query, read, signal) => attempt(query, read, { ...options, signal });
  const ask = <T>(query: RegistryQuery, read: ReadAnswer<T>, signal: AbortSignal | undefined): Promise<T> =>
    retry(() => once(query, read, signal), { ...options.patience, signal });
  return Object.assign(ask, { once });
}

type AttemptOptions = TransportOptions & { readonly signal: AbortSignal | undefined };

async function attempt<T>(query: RegistryQuery, read: ReadAnswer<T>, options: AttemptOptions): Promise<Attempt<T>> {
  try {
    throwIfAborted(options.signal, query.what);
    const answer = await authorized(query, options);
    const isAnswer = (answer.status >= 200 && answer.status < 300) || answer.status === query.alsoStatus;
    if (isAnswer) return { kind: 'done', value: await read(answer) };
    const refusal = await statusFault(answer, query.what, query.audience.address.registry);
    if (!isTransient(refusal.fault)) throw refusal.fault;
    return { kind: 'again', fault: refusal.fault, ...(refusal.afterMs !== undefined && { afterMs: refusal.afterMs }) };
  } catch (error) {
    const fault = naming(query, error);
    if (isTransient(fault)) return { kind: 'again', fault };
    throw fault;
  }
}

/** One request; a challenge is met once. What still says 401 with a fresh header means it. */
async function authorized(query: RegistryQuery, options: AttemptOptions): Promise<HttpAnswer> {
  const { authorizer, signal } = options;
  const { audience } = query;
  const sent = authorizer.known(audience);
  const first = await send(query, sent, options);
  if (first.status !== 401) return first;
  await first.discard();
  const known = authorizer.known(audience);
  const isNewer = known !== undefined && known !== sent;
  const challenge = first.headers['www-authenticate'];
  const authorization = isNewer ? known : await authorizer.meet(audience, challenge, signal);
  return send(query, authorization, options);
}

/** What an insecure registry speaks shows when it is first asked, and stays: plain HTTP, or TLS with any certificate. */
async function send(
  query: RegistryQuery,
  authorization: string | undefined,
  options: AttemptOptions,
): Promise<HttpAnswer> {
  const { registry, origin } = query.audience.address;
  const { protocols } = options;
  if (!origin.startsWith('http:') || protocols.has(registry)) return sendOnce(query, authorization, options);
  const first = await askPlainly(query, authorization, options);
  if (first.kind === 'answer') {
    protocols.set(registry, 'http:');
    return first.answer;
  }
  try {
    const overTls = { ...options, protocols: new Map([[registry, 'https:' as const]]) };
    const answer = await sendOnce(query, authorization, overTls);
    protocols.set(registry, 'https:');
    return answer;
  } catch (error) {
    throw first.fault ?? error;
  }
}

type PlainAnswer =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  /** Whoever wants TLS says so, or hangs up, or does not listen there at all. */
  | { readonly kind: 'none'; readonly fault: Fault | undefined };

async function askPlainly(
  query: RegistryQuery,
  authorization: string | undefined,
  options: AttemptOptions,
): Promise<PlainAnswer> {
  try {
    const answer = await sendOnce(query, authorization, options);
    const wantsTls = answer.status === 400 && !/json/.test(answer.headers['content-type'] ?? '');
    if (!wantsTls) return { kind: 'answer', answer };
    await answer.discard();
    return { kind: 'none', fault: undefined };
  } catch (error) {
    const hasOtherPort = !/:\d+$/.test(query.audience.address.registry);
    if (isCut(error) || (hasOtherPort && isRefused(error))) return { kind: 'none', fault: error };
    throw error;
  }
}

/** A registry may name another host to go on at: what is kept for the registry is not for that host. */
function sendOnce(
  { audience, path, method, headers, body }: RegistryQuery,
  authorization: string | undefined,
  { exchange, userAgent, signal, protocols }: AttemptOptions,
): Promise<HttpAnswer> {
  const { origin: plain, registry } = audience.address;
  const home = new URL(plain);
  home.protocol = protocols.get(registry) ?? home.protocol;
  const url = new URL(typeof path === 'string' ? `/v2/${audience.repository}/${path}` : path, home);
  if (url.host === home.host) url.protocol = home.protocol;
  const request = {
    url,
    headers: { 'user-agent': userAgent, ...headers },
    ...(method && { method }),
    ...(body && { body }),
  };
  return exchangeFollowing(exchange, request, {
    authorization: url.origin === home.origin ? authorization : undefined,
    signal,
  });
}

/** Says what was asked, and what can be done about a registry that nobody vouches for. */
function naming({ what, audience: { address } }: RegistryQuery, error: unknown): Fault {
  const fault = Fault.is(error) && error.message.startsWith(what) ? error : Fault.wrap(what, error);
  const hint = isUntrusted(error) ? trustHint(address) : isNoTls(error) ? plainHint : undefined;
  return hint === undefined ? fault : new Fault(fault.code, fault.message, { cause: fault, hint });
}

function trustHint({ registry }: RegistryAddress): string {
  return `put the certificate of its authority into /etc/docker/certs.d/${registry}/, or say --tls-verify=false`;
}

const plainHint = 'if it speaks plain HTTP only, say --tls-verify=false';

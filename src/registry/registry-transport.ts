import { Fault } from '../errors/index.ts';
import { exchangeFollowing, isTransient, type HttpAnswer, type HttpExchange } from '../http/index.ts';
import type { Attempt, RetryOptions } from '../std/index.ts';
import { retry, throwIfAborted } from '../std/index.ts';
import type { Audience, Authorizer } from './authorizer.ts';
import { statusFault } from './registry-fault.ts';

export interface RegistryQuery {
  readonly audience: Audience;
  /** Below the repository: `manifests/latest`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For messages: `docker.io/library/alpine: manifest latest`. */
  readonly what: string;
}

/**
 * Asks a registry: with authorisation, redirects and patience. Only a success (2xx) is given to `read`; all else is a
 * Fault. What `read` does belongs to the try: where the connection fails under it, all is tried again.
 */
export type RegistryTransport = <T>(
  query: RegistryQuery,
  read: (answer: HttpAnswer) => Promise<T> | T,
  signal: AbortSignal | undefined,
) => Promise<T>;

export interface TransportOptions {
  readonly exchange: HttpExchange;
  readonly authorizer: Authorizer;
  readonly userAgent: string;
  readonly patience: Omit<RetryOptions, 'signal'>;
}

export function createTransport(options: TransportOptions): RegistryTransport {
  return (query, read, signal) =>
    retry(() => attempt(query, read, { ...options, signal }), { ...options.patience, signal });
}

type AttemptOptions = TransportOptions & { readonly signal: AbortSignal | undefined };

async function attempt<T>(
  query: RegistryQuery,
  read: (answer: HttpAnswer) => Promise<T> | T,
  options: AttemptOptions,
): Promise<Attempt<T>> {
  try {
    throwIfAborted(options.signal, query.what);
    const answer = await authorized(query, options);
    if (answer.status >= 200 && answer.status < 300) return { kind: 'done', value: await read(answer) };
    const refusal = await statusFault(answer, query.what, query.audience.address.registry);
    if (!isTransient(refusal.fault)) throw refusal.fault;
    return { kind: 'again', fault: refusal.fault, ...(refusal.afterMs !== undefined && { afterMs: refusal.afterMs }) };
  } catch (error) {
    const fault = naming(query.what, error);
    if (isTransient(fault)) return { kind: 'again', fault };
    throw fault;
  }
}

/** One request; a challenge is met once. What still says 401 with a fresh header means it. */
async function authorized({ audience, path, headers }: RegistryQuery, options: AttemptOptions): Promise<HttpAnswer> {
  const { exchange, authorizer, userAgent, signal } = options;
  const url = new URL(`${audience.address.origin}/v2/${audience.repository}/${path}`);
  const request = { url, headers: { 'user-agent': userAgent, ...headers } };
  const sent = authorizer.known(audience);
  const first = await exchangeFollowing(exchange, request, { authorization: sent, signal });
  if (first.status !== 401) return first;
  await first.discard();
  const known = authorizer.known(audience);
  const isNewer = known !== undefined && known !== sent;
  const challenge = first.headers['www-authenticate'];
  const authorization = isNewer ? known : await authorizer.meet(audience, challenge, signal);
  return exchangeFollowing(exchange, request, { authorization, signal });
}

function naming(what: string, error: unknown): Fault {
  return Fault.is(error) && error.message.startsWith(what) ? error : Fault.wrap(what, error);
}

import { Fault } from '../errors/index.ts';
import type { HttpAnswer, HttpExchange, HttpRequest } from './http-exchange.ts';

export interface FollowOptions {
  /** Goes to the first origin only, and is never sent again once a redirect has left it. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Default 5. */
  readonly maxRedirects?: number;
}

/** Sends a request and follows where it is sent on to. A redirect from HTTPS to HTTP is refused. */
export async function exchangeFollowing(
  exchange: HttpExchange,
  request: HttpRequest,
  options: FollowOptions,
): Promise<HttpAnswer> {
  let { url } = request;
  let { authorization } = options;
  const { maxRedirects = 5 } = options;
  for (let followed = 0; followed <= maxRedirects; followed++) {
    const headers = authorization === undefined ? request.headers : { ...request.headers, authorization };
    const answer = await exchange({ ...request, url, headers }, options.signal);
    const location = isRedirect(answer.status, request.method) ? answer.headers.location : undefined;
    if (location === undefined) return answer;
    await answer.discard();
    const next = targetOf(location, url);
    if (next.origin !== url.origin) authorization = undefined;
    url = next;
  }
  throw new Fault('unavailable', `${request.url.host} redirects more than ${maxRedirects} times`);
}

/** Requests that change something are sent on only where the answer says that method and body stay (RFC 9110 section 15.4). */
function isRedirect(status: number, method: HttpRequest['method']): boolean {
  if (method !== undefined && method !== 'GET' && method !== 'HEAD') return status === 307 || status === 308;
  return status >= 300 && status < 400 && status !== 304;
}

function targetOf(location: string, from: URL): URL {
  const target = URL.parse(location, from.href);
  const isWeb = target?.protocol === 'https:' || target?.protocol === 'http:';
  if (target === null || !isWeb)
    throw new Fault('unavailable', `${from.host} redirects to something that is no web address`);
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw new Fault('denied', `${from.host} redirects from HTTPS to plain HTTP on ${target.host}`);
  }
  target.username = '';
  target.password = '';
  return target;
}

/**
 * HTTP as a client: requests over connections that are kept, redirects, proxies, limits on waiting. Knows nothing of
 * what is fetched, of registries, and of credentials beyond the header that it is given.
 */
export { openConnections } from './http-exchange.ts';
export type { HttpAnswer, HttpConnections, HttpExchange, HttpRequest, HttpTimeouts } from './http-exchange.ts';
export type { HttpBody } from './request-body.ts';
export type { TlsSettings } from './tls-settings.ts';
export { exchangeFollowing } from './redirects.ts';
export type { FollowOptions } from './redirects.ts';
export { isCut, isNoTls, isRefused, isUntrusted } from './network-fault.ts';
export { proxySettings } from './proxy-settings.ts';
export type { ProxySettings } from './proxy-settings.ts';
export { isTransient, transientFault } from './transient-fault.ts';

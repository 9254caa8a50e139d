/**
 * The faces that listen: the store as a registry over HTTP. Knows sockets, TLS and credentials; what is answered comes from
 * the protocol, and what is served from the engine.
 */
export { parsePasswordFile } from './password-file.ts';
export type { PasswordFile } from './password-file.ts';
export { serveRegistry } from './serve-registry.ts';
export type { RegistryServer, ServeRegistryOptions, TlsFiles } from './serve-registry.ts';

import { dockerHub } from '../oci/index.ts';

/** What a registry is called where its credentials are kept, the usual name first. */
export function serverNames(registry: string): readonly [string, ...string[]] {
  return registry === dockerHub ? ['https://index.docker.io/v1/', dockerHub, 'index.docker.io'] : [registry];
}

/**
 * True if `name` means the registry as a whole. Names were written with a scheme and the path of an old interface at times;
 * one with another path means a part of the registry only.
 */
export function isNameOf(name: string, registry: string): boolean {
  const [, host] = /^(?:https?:\/\/)?([^/]+)(?:\/(?:v[12]\/?)?)?$/.exec(name) ?? [];
  return host !== undefined && (registry === dockerHub ? hubHosts.has(host) : host === registry);
}

const hubHosts: ReadonlySet<string> = new Set([dockerHub, 'index.docker.io', 'registry-1.docker.io']);

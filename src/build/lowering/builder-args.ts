import { parseBoolean } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';

/**
 * What build arguments tell the builder rather than the Dockerfile, by the names that they have in BuildKit. They need no
 * ARG. An empty value is as good as none.
 */
export interface BuilderArgs {
  /** `BUILDKIT_SANDBOX_HOSTNAME`: what RUN sees as the machine's name; part of the key. */
  readonly hostname: string | undefined;
  /** `BUILDKIT_CACHE_MOUNT_NS`: goes before the ids of cache mounts. */
  readonly cacheNamespace: string | undefined;
  /** `BUILDKIT_MULTI_PLATFORM`: the result has the form of several platforms, though it may be one. */
  readonly isMultiPlatform: boolean;
  /** `BUILDKIT_INLINE_CACHE`. */
  readonly inlineCache: boolean;
}

/** Fault `invalid` for a value that cannot be meant. */
export function builderArgs(given: ReadonlyMap<string, string>): BuilderArgs {
  const hostname = given.get('BUILDKIT_SANDBOX_HOSTNAME') || undefined;
  if (hostname !== undefined && !hostName.test(hostname)) throw invalid('BUILDKIT_SANDBOX_HOSTNAME', hostname);
  return {
    hostname,
    cacheNamespace: given.get('BUILDKIT_CACHE_MOUNT_NS') || undefined,
    isMultiPlatform: truth(given, 'BUILDKIT_MULTI_PLATFORM'),
    inlineCache: truth(given, 'BUILDKIT_INLINE_CACHE'),
  };
}

/** As sethostname(2) takes it, and `/etc/hosts`. */
const hostName = /^[A-Za-z0-9._-]{1,64}$/;

function truth(given: ReadonlyMap<string, string>, name: string): boolean {
  const value = given.get(name) || '0';
  const isTrue = parseBoolean(value);
  if (isTrue === undefined) throw invalid(name, value);
  return isTrue;
}

function invalid(name: string, value: string): Fault {
  const hint = name === 'BUILDKIT_SANDBOX_HOSTNAME' ? 'at most 64 letters, digits, dots and hyphens' : 'it is 1 or 0';
  return new Fault('invalid', `build argument ${name}: ${JSON.stringify(value)} is no value for it`, { hint });
}

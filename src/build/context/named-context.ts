import { statSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { formatReference, parseReference } from '../../oci/index.ts';
import { isWebUrl, parseGitUrl } from '../../source/index.ts';

/** What the value of a `--build-context` means. */
export type NamedContext =
  | { readonly kind: 'directory'; readonly path: string }
  /** An image of the store or a registry: `docker-image://alpine:3.20`. */
  | { readonly kind: 'image'; readonly name: string }
  /** `docker-image://scratch`. */
  | { readonly kind: 'nothing' }
  | ({ readonly kind: 'layout' } & LayoutPlace)
  /** A git repository, or the URL of an archive or another file. */
  | { readonly kind: 'remote'; readonly url: string };

/** An image in an OCI layout: `oci-layout://PATH[:TAG][@DIGEST]`. */
export interface LayoutPlace {
  readonly path: string;
  /** A tag or a digest; undefined for `latest`, or the only image there is. */
  readonly name: string | undefined;
}

/**
 * The contexts by what they are for, in the full form of an image's name: `alpine`, `alpine:latest` and
 * `docker.io/library/alpine` are one. Fault `invalid` or `not-found`, in Docker's words, for a name or value that cannot be.
 */
export function parseNamedContexts(given: ReadonlyMap<string, string>): ReadonlyMap<string, NamedContext> {
  return new Map(Array.from(given, ([name, value]) => [keyOf(name), parseNamedContext(name, value)]));
}

/** Under what `parseNamedContexts` has the context that replaces this stage or image; undefined where none can. */
export function contextKey(name: string): string | undefined {
  if (/^(scratch|context)$/i.test(name)) return undefined;
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (Fault.is(error)) return undefined;
    throw error;
  }
}

function keyOf(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    throw Fault.wrap(`invalid context name ${name}`, error);
  }
}

function parseNamedContext(name: string, value: string): NamedContext {
  const image = withoutPrefix(value, 'docker-image://');
  if (image !== undefined) return image === 'scratch' ? { kind: 'nothing' } : { kind: 'image', name: image };
  const layout = withoutPrefix(value, 'oci-layout://');
  if (layout !== undefined) return { kind: 'layout', ...layoutPlace(layout) };
  if (parseGitUrl(value) !== undefined || isWebUrl(value)) return { kind: 'remote', url: value };
  if (value.startsWith('target:')) throw unsupportedTarget(name, value);
  return directory(name, value);
}

function withoutPrefix(value: string, prefix: string): string | undefined {
  return value.startsWith(prefix) ? value.slice(prefix.length) : undefined;
}

function layoutPlace(text: string): LayoutPlace {
  const [, path = '', tag, digest] = /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/s.exec(text) ?? [];
  return { path, name: digest ?? tag };
}

function directory(name: string, path: string): NamedContext {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return { kind: 'directory', path };
  const during = `failed to get build context ${name}: stat ${path}`;
  const hint =
    'a build context is a folder, docker-image://NAME, oci-layout://PATH, or the URL of a git repository or an archive';
  if (status === undefined) throw new Fault('not-found', `${during}: no such file or directory`, { hint });
  throw new Fault('invalid', `${during}: not a directory`, { hint });
}

function unsupportedTarget(name: string, value: string): Fault {
  return new Fault('unsupported', `build context ${name}: ${value} is of bake files`, {
    hint: 'build the target first, and name the image: docker-image://NAME',
  });
}

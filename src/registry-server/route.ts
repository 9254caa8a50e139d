/** What a path stands for (distribution-spec "Endpoints"). Names and digests in it are not looked at yet. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string };

const repository = '(?<repository>.+?)';
const patterns: readonly (readonly [Route['kind'], RegExp])[] = [
  ['base', /^\/v2\/?$/],
  ['catalog', /^\/v2\/_catalog$/],
  ['tags', new RegExp(`^/v2/${repository}/tags/list$`)],
  ['uploads', new RegExp(`^/v2/${repository}/blobs/uploads/?$`)],
  ['upload', new RegExp(`^/v2/${repository}/blobs/uploads/(?<id>[^/]+)$`)],
  ['blob', new RegExp(`^/v2/${repository}/blobs/(?<digest>[^/]+)$`)],
  ['manifest', new RegExp(`^/v2/${repository}/manifests/(?<reference>[^/]+)$`)],
  ['referrers', new RegExp(`^/v2/${repository}/referrers/(?<digest>[^/]+)$`)],
];

/** The route of a percent-encoded path; undefined for one that is no route of a registry. */
export function routeOf(encoded: string): Route | undefined {
  const path = decoded(encoded);
  if (path === undefined || path.length > longestPath) return undefined;
  for (const [kind, pattern] of patterns) {
    const match = pattern.exec(path);
    if (match !== null) return { kind, ...match.groups } as Route;
  }
  return undefined;
}

/** True for a name of the specification: lower-case parts with single separators, 255 characters at most. */
export function isRepositoryName(name: string): boolean {
  return name.length <= 255 && nameGrammar.test(name);
}

const longestPath = 1024;
const nameGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** The parts of a full reference as people see them; what a reference may be is not decided here. */
export interface ReferenceParts {
  /** `docker.io` */
  readonly domain: string;
  /** `library/alpine` */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Takes `docker.io/library/alpine:3.20@sha256:…` apart, and what is shorter too. */
export function splitReference(reference: string): ReferenceParts {
  const [name = '', digest] = reference.split('@');
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const repository = hasTag ? name.slice(0, colon) : name;
  const slash = repository.indexOf('/');
  const first = slash < 0 ? '' : repository.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === 'localhost';
  return {
    domain: isDomain ? first : 'docker.io',
    path: isDomain ? repository.slice(slash + 1) : repository,
    tag: hasTag ? name.slice(colon + 1) : undefined,
    digest,
  };
}

/** The whole name without tag and digest: `docker.io/library/alpine` for `alpine`. */
export function fullRepository(name: string): string {
  const { domain, path } = splitReference(name);
  return `${domain}/${domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path}`;
}

/** The short form of a full reference: `alpine:3.20` for `docker.io/library/alpine:3.20`. */
export function familiarReference(reference: string): string {
  return reference.replace(/^docker\.io\/(library\/)?/, '');
}

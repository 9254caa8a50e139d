import { parseReference, type Digest, type Reference } from '../../oci/index.ts';
import type { Document, Documents, ImageBody, ManifestBody } from '../../state/index.ts';
import type { ManifestReader } from './manifest-reader.ts';

export interface RepositoryNamesOptions {
  readonly images: Documents<ImageBody>;
  readonly manifests: Documents<ManifestBody>;
  readonly reader: ManifestReader;
  /** Registries whose names count as this one's too: `localhost:5000`. */
  readonly hosts: readonly string[];
}

/**
 * The names of a store as repositories, tags and manifests. A repository is what people write: `app` is
 * `docker.io/library/app` as everywhere, `localhost/app` and `ghcr.io/team/app` are what they say. A tag is a name of an image
 * of the store, or a tag that was pushed for something else; where both are there, what was pushed counts as long as
 * the image is the one that was pushed with it.
 */
export class RepositoryNames {
  readonly #options: RepositoryNamesOptions;

  constructor(options: RepositoryNamesOptions) {
    this.#options = options;
  }

  /** Every repository as people write it. */
  list(): readonly string[] {
    const { images, manifests, hosts } = this.#options;
    const names = [...images.list(), ...manifests.list()].flatMap(({ id }) => repositoryOfId(id));
    const own = names.map((name) => withoutHost(name, hosts));
    return [...new Set(own)].toSorted();
  }

  tags(repository: string): readonly string[] {
    const { images, manifests } = this.#options;
    const found = this.#places(repository).flatMap((place) =>
      [...images.withPrefix(`${place}:`, most), ...manifests.withPrefix(`${place}:`, most)].map(({ id }) =>
        id.slice(place.length + 1),
      ),
    );
    // A name may have both; the digest alone says what it means then.
    const tags = new Set(found.map((tag) => tag.replace(/@.*$/, '')));
    return [...tags].filter((tag) => this.tagged(repository, tag) !== undefined).toSorted();
  }

  /** The manifest that a tag means. */
  tagged(repository: string, tag: string): Digest | undefined {
    for (const place of this.#places(repository)) {
      const meant = this.#meaning(`${place}:${tag}`);
      if (meant !== undefined) return meant;
    }
    return undefined;
  }

  /** True if the repository has the manifest: pushed under its digest, under a tag, or as a member of either. */
  has(repository: string, digest: Digest): boolean {
    return this.#roots(repository).some((root) => root === digest || this.#options.reader.manifests(root).has(digest));
  }

  /** What was pushed to the repository under digests, oldest first. */
  pushed(repository: string): readonly Digest[] {
    const { manifests } = this.#options;
    const [place = ''] = this.#places(repository);
    const documents = manifests.withPrefix(`${place}@`, most).toSorted((a, b) => a.createdMs - b.createdMs);
    return documents.map(({ body }) => body.manifest as Digest);
  }

  /** Names of images and pushed tags that mean the manifest. */
  namesOf(repository: string, digest: Digest): readonly string[] {
    return this.tags(repository)
      .filter((tag) => this.tagged(repository, tag) === digest)
      .flatMap((tag) => this.idsOf(repository, tag));
  }

  /** The full name of a manifest that was pushed. */
  digestId(repository: string, digest: Digest): string {
    return `${fullName(repository)}@${digest}`;
  }

  /** The full names that a tag may have here. */
  idsOf(repository: string, tag: string): readonly string[] {
    return this.#places(repository).map((place) => `${place}:${tag}`);
  }

  #roots(repository: string): readonly Digest[] {
    const { images } = this.#options;
    const places = this.#places(repository);
    const pinned = places.flatMap((place) => [...images.withPrefix(`${place}@`, most)]);
    return [
      ...this.pushed(repository),
      ...pinned.map(({ body }) => manifestOf(body)),
      ...this.tags(repository).flatMap((tag) => this.tagged(repository, tag) ?? []),
    ];
  }

  #meaning(id: string): Digest | undefined {
    const { images, manifests } = this.#options;
    const image = images.get(id) ?? images.withPrefix(`${id}@`, 1)[0];
    const named = image === undefined ? undefined : manifestOf(image.body);
    const pushed = manifests.get(id)?.body;
    return pushed !== undefined && pushed.image === named ? (pushed.manifest as Digest) : named;
  }

  #places(repository: string): readonly string[] {
    const hosts = repository.includes('.') ? [] : this.#options.hosts;
    return [fullName(repository), ...hosts.map((host) => `${host}/${repository}`)];
  }
}

/** More than a person keeps in one repository. */
const most = 100_000;

/** The name that a pushed tag or digest gets. Fault `invalid` for what no image can be called. */
export function pushedReference(
  repository: string,
  what: { readonly tag: string } | { readonly digest: Digest },
): Reference {
  const { registry, repository: path } = parseReference(repository);
  return { registry, repository: path, ...what };
}

function fullName(repository: string): string {
  const { registry, repository: path } = parseReference(repository);
  return `${registry}/${path}`;
}

function manifestOf(body: ImageBody): Digest {
  return ('index' in body ? body.index : body.manifest) as Digest;
}

/** None for what is dangling. */
function repositoryOfId(id: Document<unknown>['id']): readonly string[] {
  if (/^sha\d+:/.test(id)) return [];
  const { registry, repository } = parseReference(id);
  return [`${registry}/${repository}`];
}

/** `docker.io/library/app` is `app`; so is `localhost:5000/app` on a registry of that name. */
function withoutHost(full: string, hosts: readonly string[]): string {
  const host = hosts.find((each) => full.startsWith(`${each}/`));
  if (host !== undefined) return full.slice(host.length + 1);
  return full.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
}

import type { BlobStore } from '../../blob/index.ts';
import type { StoredImage, StoredIndex } from '../../image/index.ts';
import type { Digest } from '../../oci/index.ts';
import type { Document, ImageBody, ManifestBody, State } from '../../state/index.ts';
import { ManifestReader } from './manifest-reader.ts';

type Pushed = Document<ManifestBody>;

export interface PushedStore {
  readonly state: Pick<State, 'images' | 'manifests' | 'leases'>;
  readonly blobs: Pick<BlobStore, 'stat' | 'read'>;
}

/** The digests of all that pushed manifests are made of, those of `without` left out. */
export function pushedContent({ state, blobs }: PushedStore, without: readonly Pushed[] = []): ReadonlySet<Digest> {
  const gone = new Set(without.map(({ id }) => id));
  const reader = new ManifestReader(blobs);
  const documents = state.manifests.list().filter(({ id }) => !gone.has(id));
  return new Set(documents.flatMap(({ body }) => [...reader.closure(body.manifest as Digest)]));
}

/**
 * Pushed manifests that nothing means any more: no tag, no image, no index, no lease, and no subject that is kept. With
 * `all`, those with tags too.
 */
export function unusedManifests({ state, blobs }: PushedStore, { all }: { readonly all: boolean }): readonly Pushed[] {
  const documents = state.manifests.list();
  if (documents.length === 0) return [];
  const leased = new Set(state.leases.live().flatMap(({ digests }) => digests));
  const reader = new ManifestReader(blobs);
  const images = new Map(state.images.list().map(({ id, body }) => [id, manifestOf(body)]));
  const tags = documents.filter(({ id, body }) => !isPinned(id) && body.image === images.get(id));
  const meant = [...images.values(), ...tags.map(({ body }) => body.manifest as Digest)];
  const kept = new Set(all ? leased : [...leased, ...meant.flatMap((each) => [...reader.manifests(each)])]);
  const isKept = ({ id, body }: Pushed): boolean =>
    kept.has(body.manifest) && (isPinned(id) || all || tags.some((tag) => tag.id === id));
  return withoutReferrers(
    documents.filter((each) => !isKept(each)),
    { kept, reader },
  );
}

/** What refers to something that is kept is kept too, and so is what refers to that. */
function withoutReferrers(
  unused: readonly Pushed[],
  { kept, reader }: { readonly kept: Set<string>; readonly reader: ManifestReader },
): readonly Pushed[] {
  const isReferrer = ({ id, body }: Pushed): boolean => {
    const subject = reader.read(body.manifest as Digest)?.manifest.subject?.digest;
    return isPinned(id) && subject !== undefined && kept.has(subject);
  };
  const referrers = unused.filter(isReferrer);
  if (referrers.length === 0) return unused;
  for (const { body } of referrers) kept.add(body.manifest);
  return withoutReferrers(
    unused.filter((each) => !referrers.includes(each)),
    { kept, reader },
  );
}

/** An image or index whose names are gone: what it was called, and its manifests. */
export interface FormerNames {
  readonly names: readonly string[];
  readonly manifests: readonly Digest[];
}

export function formerNames(image: StoredImage | StoredIndex): FormerNames {
  if ('members' in image) return { names: image.names, manifests: [image.digest] };
  return { names: image.names, manifests: image.manifests.map(({ digest }) => digest) };
}

/** Drops what was pushed under names that are gone: the tags themselves, and the manifests that only they meant. */
export function forgetPushed({ state, blobs }: PushedStore, { names, manifests }: FormerNames): void {
  const unused = unusedManifests({ state, blobs }, { all: false });
  if (unused.length === 0) return;
  const reader = new ManifestReader(blobs);
  const tags = names.flatMap((name) => state.manifests.get(name) ?? []);
  const roots = [...manifests, ...tags.map(({ body }) => body.manifest as Digest)];
  const meant = new Set<string>(roots.flatMap((root) => [...reader.manifests(root)]));
  const repositories = new Set(names.map(repositoryOf));
  for (const { id, body } of unused) {
    if (meant.has(body.manifest) && repositories.has(repositoryOf(id))) state.manifests.remove(id);
  }
}

/** Of a full name, without its tag and digest. */
function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

function isPinned(id: string): boolean {
  return id.includes('@');
}

function manifestOf(body: ImageBody): Digest {
  return ('index' in body ? body.index : body.manifest) as Digest;
}

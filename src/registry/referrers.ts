import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import {
  maxManifestBytes,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageIndex,
} from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { nextPage } from './next-page.ts';
import type { RegistryQuery, RegistryTransport } from './registry-transport.ts';
import type { RemoteManifest } from './remote.ts';

export interface ListReferrersOptions {
  readonly transport: RegistryTransport;
  /** Of the repository, for messages. */
  readonly name: string;
  readonly artifactType: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Reads the index under the tag by which registries without the interface keep referrers. */
  readonly fallback: (tag: string) => Promise<RemoteManifest>;
}

const maxPages = 100;

/** What belongs to a manifest (distribution-spec "Listing Referrers"), by the fallback tag where the registry knows no such list. */
export async function listReferrers(
  audience: Audience,
  digest: Digest,
  options: ListReferrersOptions,
): Promise<readonly Descriptor[]> {
  const { artifactType } = options;
  const found = (await pagesOf(audience, digest, options)) ?? (await fallbackOf(digest, options));
  // A registry need not filter, even where it was asked to.
  return artifactType === undefined ? found : found.filter((each) => each.artifactType === artifactType);
}

/** The tag under which an index of the referrers stands where the registry keeps none itself. */
export function referrersTag(digest: Digest): string {
  return digest.replace(':', '-');
}

async function pagesOf(
  audience: Audience,
  digest: Digest,
  { transport, name, artifactType, signal }: ListReferrersOptions,
): Promise<readonly Descriptor[] | undefined> {
  const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const found: Descriptor[] = [];
  let path: string | URL | undefined = `referrers/${digest}${filter}`;
  for (let page = 0; path !== undefined && page < maxPages; page++) {
    const query: RegistryQuery = {
      audience,
      path,
      headers: { accept: mediaTypes.ociIndex },
      what: `${name}: referrers of ${digest}`,
    };
    const read: ReferrersPage | undefined = await transport(
      query,
      (answer) => readPage(answer, audience),
      signal,
    ).catch((error: unknown) => {
      if (page === 0 && Fault.is(error, 'not-found')) return undefined;
      throw error;
    });
    if (read === undefined) return undefined;
    found.push(...read.index.manifests);
    path = read.next;
  }
  return found;
}

interface ReferrersPage {
  readonly index: ImageIndex;
  readonly next: URL | undefined;
}

async function readPage(answer: HttpAnswer, { address }: Audience): Promise<ReferrersPage> {
  const index = parseManifest(await readAll(answer.body, maxManifestBytes));
  if (index.kind !== 'index') throw new Fault('invalid', 'the list of referrers is no index');
  return { index, next: nextPage(answer, address) };
}

async function fallbackOf(digest: Digest, { fallback }: ListReferrersOptions): Promise<readonly Descriptor[]> {
  try {
    const { manifest } = await fallback(referrersTag(digest));
    return manifest.kind === 'index' ? manifest.manifests : [];
  } catch (error) {
    if (Fault.is(error, 'not-found')) return [];
    throw error;
  }
}

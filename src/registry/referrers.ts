import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import { maxManifestBytes, mediaTypes, parseManifest, type Descriptor, type Digest } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { listPages } from './list-pages.ts';
import type { RegistryTransport } from './registry-transport.ts';
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

/** Ample: they are signatures and the like. */
const maxReferrers = 50_000;

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
  const what = `${name}: referrers of ${digest}`;
  const accept = mediaTypes.ociIndex;
  const found: Descriptor[] = [];
  let isKnown = false;
  try {
    for await (const page of listPages(`referrers/${digest}${filter}`, audience, {
      transport,
      accept,
      what,
      read: readPage,
      signal,
    })) {
      isKnown = true;
      found.push(...page);
      if (found.length > maxReferrers) throw new Fault('exhausted', `${what}: there are more than ${maxReferrers}`);
    }
  } catch (error) {
    if (!isKnown && Fault.is(error, 'not-found')) return undefined;
    throw error;
  }
  return found;
}

async function readPage(answer: HttpAnswer): Promise<readonly Descriptor[]> {
  const index = parseManifest(await readAll(answer.body, maxManifestBytes));
  if (index.kind !== 'index') throw new Fault('invalid', 'the list of referrers is no index');
  return index.manifests;
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

import { mediaTypes, type Descriptor, type Digest } from '../oci/index.ts';
import { jsonAnswer, type RegistryAnswer, type RegistryRequest } from './exchange.ts';
import { errorAnswer } from './protocol-error.ts';
import type { RegistryContent } from './registry-content.ts';

/** GET of the tags of a repository (distribution-spec "Listing Tags"). */
export function listTags(content: RegistryContent, repository: string, request: RegistryRequest): RegistryAnswer {
  const tags = content.tags(repository);
  if (tags === undefined) return errorAnswer('NAME_UNKNOWN', `repository ${repository} is not known here`);
  return listing(request, tags, (page) => ({ name: repository, tags: page }));
}

/** GET of all repositories, which the specification leaves to registries; the form is Docker's. */
export function listRepositories(content: RegistryContent, request: RegistryRequest): RegistryAnswer {
  return listing(request, content.repositories(), (page) => ({ repositories: page }));
}

/** GET of what refers to a manifest (distribution-spec "Listing Referrers"): an index, empty where there is nothing. */
export function listReferrers(
  content: RegistryContent,
  repository: string,
  { subject, request }: { readonly subject: Digest; readonly request: RegistryRequest },
): RegistryAnswer {
  const type = request.query.get('artifactType');
  const all = content.referrers(repository, subject);
  const manifests = type === null ? all : all.filter((each: Descriptor) => each.artifactType === type);
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return jsonAnswer(200, index, {
    'content-type': mediaTypes.ociIndex,
    ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }),
  });
}

/** One page of a sorted list: `n` of those behind `last`. */
function listing(
  request: RegistryRequest,
  all: readonly string[],
  shape: (page: readonly string[]) => unknown,
): RegistryAnswer {
  const [count, last] = [request.query.get('n'), request.query.get('last')];
  if (count !== null && !/^\d{1,9}$/.test(count)) {
    return errorAnswer('UNSUPPORTED', `n is not a number: ${JSON.stringify(count.slice(0, 40))}`, { status: 400 });
  }
  const rest = last === null ? all : all.filter((each) => each > last);
  const page = count === null ? rest : rest.slice(0, Number(count));
  const isMore = page.length > 0 && page.length < rest.length;
  return jsonAnswer(200, shape(page), isMore ? { link: nextPage(request, page) } : {});
}

function nextPage({ path, query }: RegistryRequest, page: readonly string[]): string {
  const next = new URLSearchParams(query);
  next.set('last', page.at(-1) ?? '');
  return `<${path}?${next.toString()}>; rel="next"`;
}

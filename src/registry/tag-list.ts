import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import { parseJsonObject, textsAt } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { nextPage } from './next-page.ts';
import type { RegistryQuery, RegistryTransport } from './registry-transport.ts';

export interface ListTagsOptions {
  /** Of the repository, for messages. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

const pageSize = 1000;
/** A repository with more tags than a thousand pages have is not listed to its end. */
const maxPages = 1000;
const maxPageBytes = 4 * 1024 * 1024;

/** The tags of a repository, page by page as they are asked for (distribution-spec "Listing Tags"). */
export async function* listTags(
  audience: Audience,
  transport: RegistryTransport,
  { name, signal }: ListTagsOptions,
): AsyncGenerator<string, void, undefined> {
  const what = `${name}: tags`;
  const seen = new Set<string>();
  let path: string | URL | undefined = `tags/list?n=${pageSize}`;
  for (let page = 0; path !== undefined; page++) {
    if (page === maxPages) throw new Fault('exhausted', `${what}: they do not end after ${maxPages} pages`);
    const query: RegistryQuery = { audience, path, headers: { accept: 'application/json' }, what };
    const { tags, next }: TagPage = await transport(query, (answer) => readPage(answer, audience), signal);
    for (const tag of tags.filter((each) => !seen.has(each))) {
      seen.add(tag);
      yield tag;
    }
    path = next;
  }
}

interface TagPage {
  readonly tags: readonly string[];
  readonly next: URL | undefined;
}

/** `tags` is null where the last tag was deleted. */
async function readPage(answer: HttpAnswer, { address }: Audience): Promise<TagPage> {
  const fields = parseJsonObject(await readAll(answer.body, maxPageBytes));
  return { tags: textsAt(fields, 'tags') ?? [], next: nextPage(answer, address) };
}

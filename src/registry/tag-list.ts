import { Fault } from '../errors/index.ts';
import type { HttpAnswer } from '../http/index.ts';
import { isTag, parseJsonObject, textsAt } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import type { Audience } from './authorizer.ts';
import { listPages } from './list-pages.ts';
import type { RegistryTransport } from './registry-transport.ts';

export interface ListTagsOptions {
  /** Of the repository, for messages. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

const pageSize = 1000;
const maxPageBytes = 4 * 1024 * 1024;
/** A repository with more is not listed to its end: they are all held in memory, to give each once. */
const maxTags = 200_000;

/** The tags of a repository, page by page as they are asked for (distribution-spec "Listing Tags"). */
export async function* listTags(
  audience: Audience,
  transport: RegistryTransport,
  { name, signal }: ListTagsOptions,
): AsyncGenerator<string, void, undefined> {
  const what = `${name}: tags`;
  const seen = new Set<string>();
  const pages = listPages(`tags/list?n=${pageSize}`, audience, {
    transport,
    accept: 'application/json',
    what,
    read: readPage,
    signal,
  });
  for await (const tags of pages) {
    for (const tag of tags.filter((each) => !seen.has(each))) {
      if (seen.size === maxTags) throw new Fault('exhausted', `${what}: there are more than ${maxTags}`);
      seen.add(tag);
      yield tag;
    }
  }
}

/** `tags` is null where the last tag was deleted. What is no tag would be shown on a terminal as it is. */
async function readPage(answer: HttpAnswer): Promise<readonly string[]> {
  const tags = textsAt(parseJsonObject(await readAll(answer.body, maxPageBytes)), 'tags') ?? [];
  const other = tags.find((each) => !isTag(each));
  if (other !== undefined) throw new Fault('invalid', `${JSON.stringify(other.slice(0, 80))} is no tag`);
  return tags;
}

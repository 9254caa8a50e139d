import { Fault } from '../errors/index.ts';
import type { Digest } from './digest.ts';
import { parseDigest } from './digest.ts';

/**
 * The name of an image as people write it, in Docker's grammar:
 *
 *     [registry[:port]/]path[/path…][:tag][@digest]
 *
 * The first part is a registry if it has a dot, a colon or a capital, or is `localhost`; without a registry the name is
 * on `docker.io`, where names of one part are below `library/`. `index.docker.io` is `docker.io`. A name without tag and
 * digest means the tag `latest`. With both, the digest says which image it is; the tag stays for people to read.
 */
export interface Reference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`; where to connect to for it is the registry client's matter. */
  readonly registry: string;
  /** Without the registry, with `library/`: `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const dockerHub = 'docker.io';
export const defaultTag = 'latest';

export function parseReference(text: string): Reference {
  if (/^[a-f0-9]{64}$/.test(text)) throw invalid(text, '64 hex digits are an image id, not a name');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw invalid(text, 'it is a URL', 'leave out the part up to ://');
  const { registry, rest } = splitRegistry(text);
  const [, repository = '', tag, digest] = grammar.exec(rest) ?? [];
  if (repository === '') throw badFormat(text, rest);
  if (!registryGrammar.test(registry)) throw invalid(text, `${JSON.stringify(registry)} is not a registry's host name`);
  if (repository.length > maxRepositoryLength) {
    throw invalid(text, `the name is longer than ${maxRepositoryLength} characters`);
  }
  if (digest !== undefined) return { registry, repository, ...tagOnly(tag), digest: digestIn(text, digest) };
  return { registry, repository, tag: tag ?? defaultTag };
}

/** The whole name: `docker.io/library/alpine:latest`. Parses back to the same reference. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffixOf(reference)}`;
}

/** The name as people write it: `alpine:latest`. Parses back to the same reference. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffixOf(reference)}`;
}

/** The familiar name without tag and digest: `alpine`. */
export function familiarName({ registry, repository }: Reference): string {
  if (registry !== dockerHub) return `${registry}/${repository}`;
  const [first, second, third] = repository.split('/');
  return first === 'library' && second !== undefined && third === undefined ? second : repository;
}

/** What a registry is asked for: the digest if there is one, for that says which image it is; else the tag. */
export function tagOrDigest({ tag, digest }: Reference): string {
  return digest ?? tag ?? defaultTag;
}

/** True if `text` can be a tag. */
export function isTag(text: string): boolean {
  return /^\w[\w.-]{0,127}$/.test(text);
}

const maxRepositoryLength = 255;

const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const grammar = new RegExp(`^(${part}(?:/${part})*)(?::(\\w[\\w.-]{0,127}))?(?:@([A-Za-z0-9+._-]+:[A-Za-z0-9=_-]+))?$`);
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryGrammar = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);

function splitRegistry(text: string): { readonly registry: string; readonly rest: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isRegistry = first === 'localhost' || /[.:A-Z]/.test(first);
  const registry = !isRegistry || first === 'index.docker.io' ? dockerHub : first;
  const rest = isRegistry ? text.slice(slash + 1) : text;
  if (registry !== dockerHub || rest.includes('/')) return { registry, rest };
  return { registry, rest: `library/${rest}` };
}

function tagOnly(tag: string | undefined): { readonly tag?: string } {
  return tag === undefined ? {} : { tag };
}

function suffixOf({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function digestIn(text: string, digest: string): Digest {
  try {
    return parseDigest(digest);
  } catch (error) {
    throw Fault.wrap(`parse image name ${shown(text)}`, error);
  }
}

function badFormat(text: string, rest: string): Fault {
  const path = rest.split(/[:@]/, 1)[0] ?? '';
  if (text === '') return invalid(text, 'it is empty');
  if (/[A-Z]/.test(path)) return invalid(text, `the repository ${JSON.stringify(path)} has to be in lower case`);
  return invalid(text, 'it is not of the form [registry/]name[:tag][@digest]');
}

function invalid(text: string, why: string, hint?: string): Fault {
  return new Fault('invalid', `parse image name ${shown(text)}: ${why}`, hint === undefined ? {} : { hint });
}

function shown(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}

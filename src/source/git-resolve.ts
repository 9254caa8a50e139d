import { Fault } from '../errors/index.ts';
import type { Git } from './git-command.ts';
import type { GitReference } from './git-reference.ts';
import type { GitCommit } from './remote-sources.ts';

const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** A whole commit ID; shorter ones cannot be asked for. */
export function isCommitId(text: string): boolean {
  return commitForm.test(text);
}

/** See `RemoteSources.resolveGit`. `url` is what git asks. */
export async function resolveReference(reference: GitReference, url: string, git: Git): Promise<GitCommit> {
  requireHex(reference.checksum);
  const { ref } = reference;
  const found = ref !== undefined && isCommitId(ref) ? taken(ref) : await lookUp(ref, url, git);
  requireChecksum(found, reference.checksum);
  return found;
}

/** At its word: it may turn out to be no commit, or a tag's. */
function taken(id: string): GitCommit {
  return { commit: id, ref: undefined, tag: undefined };
}

async function lookUp(ref: string | undefined, url: string, git: Git): Promise<GitCommit> {
  if (ref === undefined) return defaultBranch(await git(['ls-remote', '--symref', '--', url, 'HEAD']));
  const found = findRef(ref, refsIn(await git(['ls-remote', '--', url, ref, `${ref}^{}`])));
  if (found !== undefined) return found;
  throw new Fault('not-found', `repository does not contain ref ${ref}`, {
    hint: 'a branch, a tag, or all digits of a commit ID',
  });
}

function defaultBranch(answer: string): GitCommit {
  const commit = refsIn(answer).get('HEAD');
  if (commit === undefined) throw new Fault('not-found', 'could not find default branch for repository');
  const [, ref] = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(answer) ?? [];
  return { commit, ref, tag: undefined };
}

function refsIn(answer: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const line of answer.split('\n')) {
    const [id = '', name] = line.split('\t');
    if (name !== undefined && isCommitId(id)) refs.set(name, id);
  }
  return refs;
}

/** As `git checkout` and BuildKit choose: what the name says below `refs/`, else a branch, else a tag. */
function findRef(ref: string, refs: ReadonlyMap<string, string>): GitCommit | undefined {
  const candidates = ['refs/', 'refs/heads/', 'refs/tags/'].map((prefix) =>
    ref.startsWith(prefix) ? ref : prefix + ref,
  );
  const name = candidates.find((each) => refs.has(each));
  const id = name === undefined ? undefined : refs.get(name);
  if (name === undefined || id === undefined) return undefined;
  const peeled = refs.get(`${name}^{}`);
  return peeled === undefined ? { commit: id, ref: name, tag: undefined } : { commit: peeled, ref: name, tag: id };
}

function requireHex(checksum: string | undefined): void {
  if (checksum === undefined || /^[0-9a-fA-F]{1,64}$/.test(checksum)) return;
  throw new Fault('invalid', `invalid checksum ${checksum} for Git URL, expected hex commit hash`);
}

function requireChecksum({ commit, tag }: GitCommit, checksum: string | undefined): void {
  const wanted = checksum?.toLowerCase();
  if (wanted === undefined || commit.startsWith(wanted) || tag?.startsWith(wanted) === true) return;
  const actual = tag === undefined ? commit : `${tag} or ${commit}`;
  throw new Fault('conflict', `expected checksum to match ${checksum}, got ${actual}`, {
    hint: 'the branch or tag has moved, or it is another repository',
  });
}

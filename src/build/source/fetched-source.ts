import type { BlobHolder } from '../../blob/index.ts';
import { nameInUrl, type GitReference, type RemoteSources } from '../../source/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import type { CopyWord } from '../copy/copy-words.ts';
import { FileSourceTree, GitSourceTree } from './remote-source.ts';
import type { SourceTree } from './source-tree.ts';

/** What a remote word of an ADD stands for now: known, though it need not be on this machine yet. */
export interface FetchedSource {
  /** Of a file the name that it has in a destination directory. */
  readonly name: ByteString;
  /** True of a repository: what is in it is copied. */
  readonly isDirectory: boolean;
  /**
   * What its content is known by: the file's digest, or the commit with what of it is taken. People read it in the reason
   * for a step that runs again.
   */
  readonly identity: ByteString;
  /** Fetches what is not here. The tree is good until it is disposed of. */
  readonly open: (signal: AbortSignal) => Promise<FetchedTree>;
}

export interface FetchedTree extends Disposable {
  readonly tree: SourceTree;
}

export interface FetchPorts {
  readonly remotes: RemoteSources;
  /** Keeps downloads until the build is over. */
  readonly holder: BlobHolder;
}

export type RemoteWord = Exclude<CopyWord, { readonly kind: 'path' }>;

/**
 * Asks what a URL or a reference stands for. A file is downloaded if it is not here, since nothing else tells its
 * content; of a repository only the commit is asked for. Faults as `RemoteSources` has them.
 */
export function resolveFetched(word: RemoteWord, ports: FetchPorts, signal: AbortSignal): Promise<FetchedSource> {
  return word.kind === 'url' ? fetchedFile(word, ports, signal) : fetchedRepository(word.reference, ports, signal);
}

async function fetchedFile(
  { url, checksum }: Extract<RemoteWord, { readonly kind: 'url' }>,
  { remotes, holder }: FetchPorts,
  signal: AbortSignal,
): Promise<FetchedSource> {
  const file = await remotes.fetchUrl(url, { holder, checksum, signal });
  const name = nameInUrl(url);
  return {
    name: bytesOf(name),
    isDirectory: false,
    identity: bytesOf(file.digest),
    open: async () => ({ tree: new FileSourceTree(file, name), [Symbol.dispose]: () => undefined }),
  };
}

async function fetchedRepository(
  reference: GitReference,
  { remotes }: FetchPorts,
  signal: AbortSignal,
): Promise<FetchedSource> {
  const commit = await remotes.resolveGit(reference, { signal });
  const { name, subdir, keepGitDir, submodules } = reference;
  const parts = [
    `commit ${commit.commit}`,
    ...(subdir === undefined ? [] : [`subdir ${JSON.stringify(subdir)}`]),
    ...(keepGitDir === true ? [`with .git of ${commit.ref ?? 'the commit'}`] : []),
    ...(submodules === false ? ['without submodules'] : []),
  ];
  return {
    name: bytesOf(name),
    isDirectory: true,
    identity: bytesOf(parts.join(', ')),
    open: async (opening) => {
      using stack = new DisposableStack();
      const checkout = stack.use(await remotes.fetchGit(reference, { commit, signal: opening }));
      const tree = stack.use(new GitSourceTree(checkout));
      const kept = stack.move();
      return { tree, [Symbol.dispose]: () => kept.dispose() };
    },
  };
}

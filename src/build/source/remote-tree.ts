import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Fault } from '../../errors/index.ts';
import { isWebUrl, parseGitUrl, shownUrl, type GitReference, type RemoteFile } from '../../source/index.ts';
import { blockSize } from '../../tar/index.ts';
import { storeArchive, type ArchiveTree } from '../context/build-context-archive.ts';
import { isArchive } from '../context/build-context-stream.ts';
import type { ContextPorts } from '../context/build-context.ts';
import { FileSourceTree, GitSourceTree } from './remote-source.ts';
import type { OpenSource } from './source-tree.ts';

/** What a URL leads to, fetched: the files of a repository or an archive, or one file called `context`. */
export interface RemoteTree extends Disposable {
  readonly kind: 'git' | 'archive' | 'file';
  readonly open: OpenSource;
}

/** What a file that is no archive is called in the tree that it makes, as BuildKit has it. */
export const onlyFile = 'context';

export interface RemoteTreeOptions {
  readonly ports: ContextPorts;
  readonly signal: AbortSignal;
  /** Of a repository: `.git` stays where the URL says nothing else. */
  readonly keepGitDir?: boolean;
}

/** Fetches what a URL or a git reference names. Fault `invalid` for what is neither; else as `RemoteSources` has them. */
export async function openRemoteTree(url: string, options: RemoteTreeOptions): Promise<RemoteTree> {
  const reference = parseGitUrl(url);
  if (reference !== undefined) return await openRepository(reference, options);
  if (isWebUrl(url)) return await openDownload(url, options);
  throw new Fault('invalid', `fetch ${shownUrl(url)}: it is no git repository and no URL of a file`, {
    hint: 'a repository is https://HOST/NAME.git, git@HOST:NAME or github.com/OWNER/NAME',
  });
}

async function openRepository(
  reference: GitReference,
  { ports, signal, keepGitDir }: RemoteTreeOptions,
): Promise<RemoteTree> {
  using fetched = new DisposableStack();
  const wanted = keepGitDir === true ? { ...reference, keepGitDir } : reference;
  const checkout = fetched.use(await ports.remotes.fetchGit(wanted, { signal }));
  const stack = fetched.move();
  return {
    kind: 'git',
    open: async () => stack.use(new GitSourceTree(checkout)),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

async function openDownload(url: string, options: RemoteTreeOptions): Promise<RemoteTree> {
  const { ports, signal } = options;
  const file = await ports.remotes.fetchUrl(url, { holder: ports.holder, signal });
  if (!isArchive(await headOf(file))) {
    return { kind: 'file', open: async () => new FileSourceTree(file, onlyFile), [Symbol.dispose]: () => undefined };
  }
  const tree = await storeDownload(file, { ...options, origin: shownUrl(url) });
  return { kind: 'archive', ...disposable(tree) };
}

async function headOf({ path }: RemoteFile): Promise<Uint8Array> {
  await using handle = await open(path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(blockSize), 0, blockSize, 0);
  return buffer.subarray(0, bytesRead);
}

function storeDownload(
  { path }: RemoteFile,
  options: RemoteTreeOptions & { readonly origin: string },
): Promise<ArchiveTree> {
  return storeArchive(createReadStream(path, { highWaterMark: 1 << 20 }), options);
}

function disposable(tree: ArchiveTree): ArchiveTree {
  return { open: tree.open, [Symbol.dispose]: () => tree[Symbol.dispose]() };
}

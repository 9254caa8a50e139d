import { isAbsolute } from 'node:path';
import { Fault } from '../../errors/index.ts';
import { shownUrl } from '../../source/index.ts';
import type { BuildContext, ContextOptions, ContextPorts } from './build-context.ts';
import type { DockerfileText } from './dockerfile-source.ts';
import { dockerfileIn, foreignDockerfile, localDockerfile } from './find-dockerfile.ts';
import { onlyFile, openRemoteTree, type RemoteTree } from '../source/remote-tree.ts';

/**
 * A git repository, or a URL: of an archive, or of a Dockerfile, which is then all that there is to copy. Docker's names
 * for the parts hold: `.dockerignore` counts for nothing, `-f` is relative to the repository's subdirectory or the archive's root,
 * an absolute `-f` is a file of this machine.
 */
export async function openRemoteContext(
  url: string,
  { file, buildArgs, signal }: Omit<ContextOptions, 'context'>,
  ports: ContextPorts,
): Promise<BuildContext> {
  using opened = new DisposableStack();
  const keepGitDir = /^(1|t|true)$/i.test(buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR') ?? '');
  const tree = opened.use(await openRemoteTree(url, { ports, signal, keepGitDir }));
  const dockerfile =
    (await foreignDockerfile(file, { ports, signal, beside: url })) ??
    (await dockerfileOf(tree, file, { url, signal }));
  const stack = opened.move();
  return { dockerfile, files: tree.open, ignoreRules: () => undefined, [Symbol.dispose]: () => stack.dispose() };
}

async function dockerfileOf(
  tree: RemoteTree,
  file: ContextOptions['file'],
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
): Promise<DockerfileText> {
  if (typeof file === 'string' && isAbsolute(file)) return localDockerfile('/', file);
  const name = typeof file === 'string' ? file : undefined;
  if (tree.kind !== 'file') return dockerfileIn(await tree.open(signal), name, url);
  if (name === undefined) return dockerfileIn(await tree.open(signal), onlyFile, url);
  throw new Fault('invalid', `ambiguous Dockerfile source: both ${shownUrl(url)} and flag correspond to Dockerfiles`, {
    hint: 'what the URL leads to is no archive, so it is the Dockerfile: leave out -f',
  });
}

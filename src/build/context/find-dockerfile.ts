import { readFile } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { maxDockerfileBytes } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { errnoOf, Tree } from '../../host/index.ts';
import { isWebUrl, nameInUrl } from '../../source/index.ts';
import { bytesOf, orAborted, readAll, type ByteString } from '../../std/index.ts';
import type { ContextPorts } from './build-context.ts';
import type { BuildOptions } from '../build-options.ts';
import type { DockerfileText } from './dockerfile-source.ts';
import type { SourceTree } from '../source/source-tree.ts';

/**
 * The Dockerfile on this machine: `file` relative to the current folder, or the context's own, which no symlink leads out
 * of. Where the name is `Dockerfile`, `dockerfile` will do. Fault `not-found` if there is none.
 */
export function localDockerfile(dir: string, file: string | undefined): DockerfileText {
  const wanted = file === undefined ? join(resolve(dir), 'Dockerfile') : resolve(file);
  const isInside = wanted.startsWith(dir === '/' ? dir : `${resolve(dir)}/`);
  const root = isInside ? resolve(dir) : dirname(wanted);
  using tree = openFolder(root, wanted);
  for (const path of candidates(wanted)) {
    const bytes = readIn(tree, path.slice(root.length), path);
    if (bytes !== undefined) return { name: basename(path), identity: path, bytes };
  }
  const link = tree.stat(bytesOf(wanted.slice(root.length)))?.type === 'symlink';
  throw missing(basename(wanted), link ? 'it is a symlink that leads nowhere, or out of its folder' : undefined);
}

/** The Dockerfile in a context that comes from elsewhere: `file` relative to its root. `origin`: what has this tree. */
export function dockerfileIn(tree: SourceTree, file: string | undefined, origin: string): DockerfileText {
  const wanted = posix.join('/', file ?? 'Dockerfile');
  for (const path of candidates(wanted)) {
    const bytes = readNode(tree, bytesOf(path.slice(1)), path);
    if (bytes !== undefined) return { name: basename(path), identity: `${origin}#${path}`, bytes };
  }
  throw missing(file ?? 'Dockerfile', 'name the Dockerfile with -f, by its path in the context');
}

/**
 * The Dockerfile that does not come from the context or a path: a stream of bytes, or a URL. Undefined where `file` is
 * neither. `beside`: the context it is used with.
 */
export async function foreignDockerfile(
  file: BuildOptions['file'],
  { ports, signal, beside }: { readonly ports: ContextPorts; readonly signal: AbortSignal; readonly beside: string },
): Promise<DockerfileText | undefined> {
  if (typeof file === 'object') return await streamedDockerfile(file, { identity: `${beside}#-`, signal });
  if (file === undefined || !isWebUrl(file)) return undefined;
  const { remotes, holder } = ports;
  const { path } = await remotes.fetchUrl(file, { holder, signal, maxSizeBytes: maxDockerfileBytes });
  return { name: nameInUrl(file), identity: file, bytes: await readFile(path) };
}

/** A Dockerfile that comes as a stream of bytes. */
export async function streamedDockerfile(
  stream: AsyncIterable<Uint8Array>,
  { identity, signal }: { readonly identity: string; readonly signal: AbortSignal },
): Promise<DockerfileText> {
  const during = 'read the Dockerfile from standard input';
  try {
    const bytes = await orAborted(readAll(stream, maxDockerfileBytes), signal, during);
    return { name: 'Dockerfile', identity, bytes };
  } catch (error) {
    throw Fault.is(error, 'cancelled') ? error : Fault.wrap(during, error);
  }
}

function candidates(path: string): readonly string[] {
  return basename(path) === 'Dockerfile' ? [path, join(dirname(path), 'dockerfile')] : [path];
}

function openFolder(root: string, file: string): Tree {
  try {
    return Tree.open(root);
  } catch (error) {
    if (isMissing(error)) throw missing(basename(file));
    throw Fault.wrap(`read the Dockerfile ${file}`, error);
  }
}

function readIn(tree: Tree, inside: string, path: string): Uint8Array | undefined {
  try {
    return tree.readFile(bytesOf(inside), { maxBytes: maxDockerfileBytes });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

function readNode(tree: SourceTree, inside: ByteString, path: string): Uint8Array | undefined {
  try {
    const node = tree.stat(tree.resolve(inside));
    if (node === undefined) return undefined;
    if (node.type !== 'file') throw new Fault('invalid', `it is a ${node.type}, not a file`);
    if (node.size > maxDockerfileBytes) throw new Fault('exhausted', `it has more than ${maxDockerfileBytes} bytes`);
    return Buffer.concat([...tree.read(node)].map((piece) => Buffer.from(piece)));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
}

function unreadable(path: string, error: unknown): Fault {
  const { code, message } = Fault.wrap(`read the Dockerfile ${path}`, error);
  return new Fault(code, message, { hint: 'name the Dockerfile with -f', cause: error });
}

function missing(name: string, hint = 'name the Dockerfile with -f, or the folder that has one'): Fault {
  return new Fault('not-found', `failed to read dockerfile: open ${name}: no such file or directory`, { hint });
}

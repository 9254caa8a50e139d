import { statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { formatMessage, hasErrors, maxDockerfileBytes, parseDockerfile, type Dockerfile } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { errnoOf, Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';
import type { BuildOptions } from './build-options.ts';
import { excerpt, type DockerfileSource } from './instruction-fault.ts';

export interface ReadDockerfile {
  readonly dockerfile: Dockerfile;
  readonly source: DockerfileSource;
  /** Absolute path of the file. */
  readonly path: string;
}

/** As `loadDockerfile`; Fault `invalid` with every mistake of the language too. */
export function readDockerfile(options: Pick<BuildOptions, 'contextDir' | 'file'>): ReadDockerfile {
  const read = loadDockerfile(options);
  if (hasErrors(read.dockerfile.diagnostics)) throw languageFault(read.dockerfile, read.source);
  return read;
}

/**
 * Reads the Dockerfile of a build, mistakes and all. Without `file` it is the context's own, which no symlink leads out
 * of; a `file` is the caller's word and is opened as given. Fault `not-found` if there is none.
 */
export function loadDockerfile({ contextDir, file }: Pick<BuildOptions, 'contextDir' | 'file'>): ReadDockerfile {
  requireDirectory(contextDir);
  const path = file === undefined ? join(resolve(contextDir), 'Dockerfile') : resolve(file);
  const root = file === undefined || isInside(path, resolve(contextDir)) ? resolve(contextDir) : dirname(path);
  const bytes = readInside(root, path);
  const dockerfile = parseDockerfile(bytes);
  return { dockerfile, source: { name: basename(path), text: dockerfile.source }, path };
}

function requireDirectory(contextDir: string): void {
  const status = statSync(contextDir, { throwIfNoEntry: false });
  if (status?.isDirectory() === true) return;
  const problem = status === undefined ? 'no such file or directory' : 'not a directory';
  throw new Fault(status === undefined ? 'not-found' : 'invalid', `open the context ${contextDir}: ${problem}`, {
    hint: 'the last argument of a build is the folder that COPY and ADD take files from',
  });
}

function readInside(root: string, path: string): Uint8Array {
  const inside = bytesOf(path.slice(root.length));
  try {
    using tree = Tree.open(root);
    return tree.readFile(inside, { maxBytes: maxDockerfileBytes });
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw Fault.wrap(`read the Dockerfile ${path}`, error);
    throw new Fault('not-found', `failed to read dockerfile: open ${basename(path)}: no such file or directory`, {
      hint: 'name the Dockerfile with -f, or the folder that has one',
      cause: error,
    });
  }
}

function isInside(path: string, root: string): boolean {
  return isAbsolute(path) && path.startsWith(root === '/' ? root : `${root}/`);
}

function languageFault(dockerfile: Dockerfile, source: DockerfileSource): Fault {
  const errors = dockerfile.diagnostics.filter((each) => each.severity === 'error');
  const texts = errors.map((error) => {
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    return `${formatMessage(error)}${hint}\n${excerpt(source, error.instruction)}`;
  });
  return new Fault('invalid', texts.join('\n'));
}

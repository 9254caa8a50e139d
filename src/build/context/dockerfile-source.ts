import { formatMessage, hasErrors, parseDockerfile, type Dockerfile } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { excerpt, type DockerfileSource } from '../lowering/instruction-fault.ts';

/** A Dockerfile as it was found, wherever that was. */
export interface DockerfileText {
  /** As messages call it. */
  readonly name: string;
  /** The same whenever the same file is built: an absolute path, a URL. */
  readonly identity: string;
  readonly bytes: Uint8Array;
}

export interface ReadDockerfile {
  readonly dockerfile: Dockerfile;
  readonly source: DockerfileSource;
}

/** Reads the language; Fault `invalid` with every mistake in it. */
export function readDockerfile(text: DockerfileText): ReadDockerfile {
  const read = loadDockerfile(text);
  if (hasErrors(read.dockerfile.diagnostics)) throw languageFault(read.dockerfile, read.source);
  return read;
}

/** Reads the language, mistakes and all. */
export function loadDockerfile({ name, bytes }: DockerfileText): ReadDockerfile {
  const dockerfile = parseDockerfile(bytes);
  return { dockerfile, source: { name, text: dockerfile.source } };
}

function languageFault(dockerfile: Dockerfile, source: DockerfileSource): Fault {
  const errors = dockerfile.diagnostics.filter((each) => each.severity === 'error');
  const texts = errors.map((error) => {
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    return `${formatMessage(error)}${hint}\n${excerpt(source, error.instruction, error.span.start)}`;
  });
  return new Fault('invalid', texts.join('\n'));
}

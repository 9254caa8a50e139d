import type { IgnoreRules } from '../../dockerfile/index.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { BuildOptions } from '../build-options.ts';
import type { DockerfileText } from './dockerfile-source.ts';
import type { OpenSource } from '../source/source-tree.ts';

/**
 * What a build is given to work on: a Dockerfile, and the files that COPY and ADD take from. It is opened once a build,
 * whatever the number of platforms, and disposed of when the last step has ended.
 *
 * An ignore file counts in a directory of this machine only; what comes as an archive or from elsewhere is what was meant
 * to be there, as with BuildKit. For the same reason files of a directory belong to root, and those of an archive to whom
 * it says.
 */
export interface BuildContext extends Disposable {
  readonly dockerfile: DockerfileText;
  /** Nothing is looked at before a step asks: a build without COPY scans nothing. */
  readonly files: OpenSource;
  /** By what the context leaves files out; undefined where nothing is. Fault `invalid` for a pattern without sense. */
  ignoreRules(): IgnoreRules | undefined;
}

/** What contexts need of the store. */
export type ContextPorts = Pick<
  BuildPorts,
  'layers' | 'holder' | 'remotes' | 'stats' | 'transaction' | 'clock' | 'searchPath'
>;

export type ContextOptions = Pick<BuildOptions, 'context' | 'file' | 'buildArgs' | 'signal'>;

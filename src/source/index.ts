/**
 * Files by URL and git repositories: fetched, checked, kept for the next time. Knows nothing of what a build does with
 * them.
 */
export type {
  FetchGitOptions,
  FetchProgress,
  FetchUrlOptions,
  GitCheckout,
  GitCommit,
  GitOptions,
  RemoteFile,
  RemoteSources,
  SshOptions,
} from './remote-sources.ts';
export type { GitReference } from './git-reference.ts';
export { parseGitUrl } from './parse-git-url.ts';
export { isWebUrl, shownUrl } from './web-url.ts';
export { nameInUrl } from './file-name.ts';
export { openRemoteSources } from './open-remote-sources.ts';
export type { RemoteSourcesOptions } from './open-remote-sources.ts';
export type { WorkFolders } from './git-source.ts';
export { keptRepositories } from './kept-repositories.ts';
export type { KeptRepository } from './kept-repositories.ts';

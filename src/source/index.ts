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

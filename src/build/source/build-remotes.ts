import {
  shownUrl,
  type FetchProgress,
  type GitReference,
  type RemoteSources,
  type SshOptions,
} from '../../source/index.ts';
import type { Amount } from '../build-progress.ts';

/** Tells of a fetch: that it began, how far it has come, how it ended. */
export type ShowFetch = <T>(what: string, fetch: (report: (amount: Amount) => void) => Promise<T>) => Promise<T>;

export interface BuildRemotesOptions {
  readonly remotes: RemoteSources;
  /** The agent for git over ssh; asked for only where a remote needs it. */
  readonly agent: { find(): Promise<SshOptions | undefined> };
  readonly show: ShowFetch;
}

/** The sources as one build has them: git over ssh asks the build's agent, and everything that is fetched is shown. */
export function buildRemotes({ remotes, agent, show }: BuildRemotesOptions): RemoteSources {
  const sshFor = async ({ remote }: GitReference): Promise<{ readonly ssh?: SshOptions | undefined }> =>
    isOverSsh(remote) ? { ssh: await agent.find() } : {};
  return {
    fetchUrl: (url, options) =>
      show(`load ${shownUrl(url)}`, (report) =>
        remotes.fetchUrl(url, {
          ...options,
          onProgress: (bytes) => report(amountOf(bytes)),
        }),
      ),
    resolveGit: async (reference, options) =>
      await remotes.resolveGit(reference, { ...options, ...(await sshFor(reference)) }),
    fetchGit: (reference, options) =>
      show(`load ${shownUrl(reference.remote)}`, async (report) => {
        const ssh = await sshFor(reference);
        return await remotes.fetchGit(reference, {
          ...options,
          ...ssh,
          onProgress: (line) => reportObjects(line, report),
        });
      }),
    // What is behind it belongs to who opened it.
    [Symbol.dispose]: () => undefined,
  };
}

/** Every other kind of remote names its scheme; `user@host:path` has none. */
function isOverSsh(remote: string): boolean {
  return !/^(https?|git):\/\//i.test(remote);
}

/** Of bytes. */
export function amountOf({ doneBytes, totalBytes }: FetchProgress): Amount {
  return { done: doneBytes, total: totalBytes, unit: 'bytes' };
}

/** git counts objects: `Receiving objects:  45% (123/456), 1.20 MiB | 2.00 MiB/s`. */
function reportObjects(line: string, report: (amount: Amount) => void): void {
  const [, done, total] = /^Receiving objects: +\d+% \((\d+)\/(\d+)\)/.exec(line) ?? [];
  if (done !== undefined) report({ done: Number(done), total: Number(total), unit: 'items' });
}

import { setTimeout as timer } from 'node:timers/promises';
import type { BlobStore } from '../blob/index.ts';
import { Fault } from '../errors/index.ts';
import { openConnections, type HttpTimeouts, type ProxySettings } from '../http/index.ts';
import type { Locks } from '../state/index.ts';
import type { Sleep } from '../std/index.ts';
import { fetchUrl, type UrlPorts } from './fetch-url.ts';
import { GitSource, type WorkFolders } from './git-source.ts';
import type { RemoteSources } from './remote-sources.ts';
import type { UrlCache } from './url-records.ts';

export interface RemoteSourcesOptions {
  /** The store's folder. */
  readonly root: string;
  readonly blobs: BlobStore;
  readonly cache: UrlCache;
  readonly locks: Locks;
  readonly areas: WorkFolders;
  /** `varve/0.1.0`. */
  readonly userAgent: string;
  readonly proxies: ProxySettings;
  readonly timeouts?: Partial<HttpTimeouts>;
  readonly sleep?: Sleep;
  /** Where git and ssh are looked for; the system's folders unless given. */
  readonly searchPath?: string;
}

const defaultTimeouts: HttpTimeouts = { answerMs: 30_000, stallMs: 30_000, minBytes: 1024 };

/** Nothing is sent and no program started before something is asked for. */
export function openRemoteSources(options: RemoteSourcesOptions): RemoteSources {
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const connections = openConnections(timeouts, { proxies: options.proxies });
  const { blobs, cache, locks, userAgent, sleep = sleepFor } = options;
  const patience = { maxAttempts: 5, firstDelayMs: 250, maxDelayMs: 20_000, random: Math.random, sleep };
  const ports: UrlPorts = { blobs, cache, locks, userAgent, patience, exchange: connections.exchange };
  const git = new GitSource({ ...options, stallMs: timeouts.stallMs });
  return {
    fetchUrl: (url, fetching) => fetchUrl(url, fetching, ports),
    resolveGit: (reference, resolving) => git.resolve(reference, resolving),
    fetchGit: (reference, fetching) => git.fetch(reference, fetching),
    [Symbol.dispose]: () => connections[Symbol.dispose](),
  };
}

async function sleepFor(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await timer(delayMs, undefined, signal && { signal });
  } catch (error) {
    throw new Fault('cancelled', 'wait before the next try: cancelled', { cause: error });
  }
}

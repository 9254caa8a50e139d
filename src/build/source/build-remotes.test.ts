import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGitUrl, type GitReference, type RemoteFile, type RemoteSources } from '../../source/index.ts';
import { BuildProgress } from '../build-progress.ts';
import type { BuildEvent } from '../build-event.ts';
import { buildRemotes } from './build-remotes.ts';

const told: unknown[] = [];

/** Sources that say what they were asked for, and how they come along. */
const remotes: RemoteSources = {
  fetchUrl: async (_url, { onProgress }) => {
    for (const doneBytes of [1, 2, 3, 10]) onProgress?.({ doneBytes, totalBytes: 10 });
    return { digest: 'sha256:x' } as unknown as RemoteFile;
  },
  resolveGit: async (_reference, { ssh }) => {
    told.push(ssh);
    return { commit: 'c', ref: undefined, tag: undefined };
  },
  fetchGit: async (_reference, { ssh, onProgress }) => {
    told.push(ssh);
    onProgress?.('Enumerating objects: 7, done.');
    onProgress?.('Receiving objects: 100% (7/7), 1.20 MiB | 2.00 MiB/s, done.');
    throw new Error('the connection broke');
  },
  [Symbol.dispose]: () => assert.fail('they belong to somebody else'),
};

function build(): { readonly sources: RemoteSources; readonly events: BuildEvent[] } {
  const events: BuildEvent[] = [];
  const progress = new BuildProgress((event) => events.push(event), { now: () => 1000 });
  const agent = { find: () => Promise.resolve({ authSock: '/agent' }) };
  const sources = buildRemotes({ remotes, agent, show: (what, fetch) => progress.internal(what, fetch) });
  return { sources, events };
}

function reference(text: string): GitReference {
  return parseGitUrl(text) ?? assert.fail(text);
}

test('a download is a step that shows its bytes, now and then and at its end, and no password', async () => {
  const { sources, events } = build();
  await sources.fetchUrl('https://me:s3cret@host.example/a.tgz', { holder: { hold: () => undefined } as never });
  assert.deepEqual(
    events.map((event) => [event.kind, event.kind === 'plan' ? event.steps[0]?.label : '']),
    [
      ['plan', '[internal] load https://host.example/a.tgz'],
      ['started', ''],
      ['progress', ''],
      ['progress', ''],
      ['finished', ''],
    ],
  );
  const amounts = events.flatMap((event) => (event.kind === 'progress' ? [[event.done, event.total, event.unit]] : []));
  assert.deepEqual(amounts, [
    [1, 10, 'bytes'],
    [10, 10, 'bytes'],
  ]);
});

test('a repository over ssh gets the agent, one over https none; its objects are counted, its failure is shown', async () => {
  const { sources, events } = build();
  told.length = 0;
  await sources.resolveGit(reference('git@host.example:app.git'), {});
  await sources.resolveGit(reference('ssh://host.example/app.git'), {});
  await sources.resolveGit(reference('https://host.example/app.git'), {});
  await assert.rejects(sources.fetchGit(reference('git@host.example:app.git'), {}), /the connection broke/);
  assert.deepEqual(told, [{ authSock: '/agent' }, { authSock: '/agent' }, undefined, { authSock: '/agent' }]);
  assert.deepEqual(
    events.map((event) => (event.kind === 'progress' ? `${event.done}/${event.total} ${event.unit}` : event.kind)),
    ['plan', 'started', '7/7 items', 'failed'],
  );
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { openDirectoryTarget, type RemoteTarget } from '../registry/index.ts';
import { copyImage, type CopiedImage } from './copy-image.ts';
import { craftImage, craftIndex, linuxAmd64 } from './crafted-image.fixture.ts';
import { memoryRemote } from './memory-remote.fixture.ts';
import type { PullEvent } from './pull-image.ts';

const image = craftImage([{ files: { a: 'a' } }, { files: { b: 'b' } }]);

test('what is there under the tag costs one question; of another image only what is missing travels', async () => {
  await inFolder(async (folder) => {
    const target = watched(await openDirectoryTarget(folder));
    const source = memoryRemote(image);
    assert.equal((await copy(source, target.remote)).changed, true);
    assert.equal(source.requests.length, 3);
    target.calls.length = 0;
    assert.deepEqual(await copy(source, target.remote), { descriptor: image.descriptor, changed: false });
    assert.deepEqual([source.requests.length, target.calls], [3, ['findManifest']]);
    const child = memoryRemote(craftImage([{ files: { a: 'a' } }, { files: { b: 'b' } }, { files: { c: 'c' } }]));
    await copy(child, target.remote);
    assert.equal(child.requests.length, 2);
  });
});

test('a blob that the place can take over from elsewhere is not sent', async () => {
  await inFolder(async (folder) => {
    const target = watched(await openDirectoryTarget(folder));
    const source = memoryRemote(image);
    const events: PullEvent[] = [];
    const mounting = { ...target.remote, mountBlob: async (_: unknown, from: string) => from === 'memory/image' };
    await copy(source, mounting, { onEvent: (event) => events.push(event) });
    assert.deepEqual(source.requests, []);
    assert.equal(events.filter((event) => event.kind === 'layer' && event.state === 'exists').length, 3);
  });
});

test('of an index one image is copied, or all of it', async () => {
  const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
  const index = craftIndex([arm, image]);
  for (const [all, expected] of [
    [false, image],
    [true, index],
  ] as const) {
    await inFolder(async (folder) => {
      const target = await openDirectoryTarget(folder);
      assert.deepEqual((await copy(memoryRemote(index), target, { all })).descriptor, expected.descriptor);
      assert.equal((await target.manifest('tag', {})).digest, expected.descriptor.digest);
    });
  }
});

test('a blob that is wrong or cannot be had stops the copy, and the tag is not given', async () => {
  for (const send of [() => [Buffer.from('wrong')], () => assert.fail('cut')]) {
    await inFolder(async (folder) => {
      const source = memoryRemote(image);
      source.send = send;
      const target = await openDirectoryTarget(folder);
      await assert.rejects(copy(source, target));
      assert.equal(await target.findManifest('tag', {}), undefined);
    });
  }
});

test('a copy can be stopped', async () => {
  await inFolder(async (folder) => {
    const stop = new AbortController();
    const copying = copy(memoryRemote(image), await openDirectoryTarget(folder), {
      signal: stop.signal,
      onEvent: ({ kind }) => kind === 'bytes' && stop.abort(),
    });
    await assert.rejects(copying, (error) => Fault.is(error, 'cancelled') || (error as Error).name === 'AbortError');
  });
});

interface CopyTestOptions {
  readonly all?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
}

function copy(
  source: ReturnType<typeof memoryRemote>,
  target: RemoteTarget,
  { all = false, signal = new AbortController().signal, onEvent = () => undefined }: CopyTestOptions = {},
): Promise<CopiedImage> {
  return copyImage(source, target, { from: '1', tag: 'tag', all, platform: linuxAmd64, signal, onEvent });
}

/** The target, and which of its calls were made. */
function watched(target: RemoteTarget): { readonly remote: RemoteTarget; readonly calls: string[] } {
  const calls: string[] = [];
  const note = <T>(call: string, result: T): T => {
    calls.push(call);
    return result;
  };
  return {
    calls,
    remote: {
      name: target.name,
      manifest: (...args) => note('manifest', target.manifest(...args)),
      blob: (...args) => note('blob', target.blob(...args)),
      hasBlob: (...args) => note('hasBlob', target.hasBlob(...args)),
      mountBlob: (...args) => note('mountBlob', target.mountBlob(...args)),
      putBlob: (...args) => note('putBlob', target.putBlob(...args)),
      findManifest: (...args) => note('findManifest', target.findManifest(...args)),
      putManifest: (...args) => note('putManifest', target.putManifest(...args)),
    },
  };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-copy-'));
  try {
    await body(join(folder, 'layout'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

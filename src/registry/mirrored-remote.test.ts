import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf, type Descriptor } from '../oci/index.ts';
import { MirroredRemote, type Mirror } from './mirrored-remote.ts';
import type { Remote } from './remote.ts';
import type { RemoteListing } from './remote-target.ts';
import { readBlob } from './verified-blob.ts';

const content = Buffer.from('layer upon layer');
const blob: Descriptor = { mediaType: 'x', digest: digestOf(content), size: content.length };
const wrong = Buffer.alloc(content.length);

test('a blob that is wrong at a mirror is asked of the next, and of the registry at last', async () => {
  const asked: string[] = [];
  const [first, second, origin] = [
    placeWith({ name: 'first', bytes: wrong, asked }),
    placeWith({ name: 'second', bytes: wrong.subarray(1), asked }),
    placeWith({ name: 'origin', bytes: content, asked }),
  ];
  const remote = new MirroredRemote(origin, [mirror(first), mirror(second)]);
  assert.deepEqual(await readBlob(remote, blob, { limitBytes: 100 }), content);
  assert.deepEqual(asked, ['first 0', 'second 0', 'origin 15', 'origin 0']);
  asked.length = 0;
  assert.deepEqual(await readBlob(remote, blob, { limitBytes: 100 }), content);
  assert.deepEqual(asked, ['origin 0']);
});

test('a blob that is wrong at the registry itself is corrupt, and asked for once', async () => {
  const asked: string[] = [];
  const origin = placeWith({ name: 'origin', bytes: wrong, asked });
  const lacking: Remote = { ...placeWith({ name: 'mirror', bytes: wrong, asked }), blob: () => notThere() };
  const remote = new MirroredRemote(origin, [mirror(lacking)]);
  await assert.rejects(readBlob(remote, blob, { limitBytes: 100 }), (error) => Fault.is(error, 'corrupt'));
  assert.deepEqual(asked, ['origin 0']);
});

function mirror(remote: Remote): Mirror {
  return { remote, isDown: false };
}

interface Place {
  readonly name: string;
  readonly bytes: Buffer;
  readonly asked: string[];
}

/** Gives the bytes for every blob; what is short of the blob ends in a Fault. */
function placeWith({ name, bytes, asked }: Place): Remote & RemoteListing {
  return {
    name,
    manifest: () => Promise.reject(new Fault('not-found', 'no manifest')),
    async *blob({ size }, { offsetBytes = 0 }) {
      asked.push(`${name} ${offsetBytes}`);
      yield bytes.subarray(offsetBytes);
      if (bytes.length < size) throw new Fault('corrupt', 'too short');
    },
    tags: () => notThere(),
    referrers: () => Promise.resolve([]),
  };
}

async function* notThere(): AsyncGenerator<never, void> {
  yield await Promise.reject(new Fault('not-found', 'not found'));
}

import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { digestOf } from '../oci/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobHolder, BlobStore, BlobWriter, WriterOptions } from './blob-store.ts';

export interface BlobStoreFixture extends Disposable {
  readonly store: BlobStore;
}

/** What every blob store does: the facts that containerd's content suite asserts, and the contract's own. */
export function blobStoreSuite(name: string, create: () => BlobStoreFixture): void {
  const cases: readonly (readonly [string, (store: BlobStore) => void | Promise<void>])[] = [
    ...contentCases,
    ...resumptionCases,
    ...refusalCases,
    ...housekeepingCases,
  ];
  for (const [title, body] of cases) {
    test(`${name}: ${title}`, async () => {
      using fixture = create();
      await body(fixture.store);
    });
  }
}

type Cases = readonly (readonly [string, (store: BlobStore) => void | Promise<void>])[];

const contentCases: Cases = [
  [
    'what was put is there, under its digest only',
    (store) => {
      const bytes = Buffer.from('content');
      const digest = store.put(bytes, { holder });
      assert.equal(digest, digestOf(bytes));
      assert.equal(store.stat(digest)?.sizeBytes, 7);
      assert.deepEqual(Buffer.from(store.read(digest, { maxBytes: 7 })), bytes);
      assert.equal(store.stat(digestOf('other')), undefined);
      assert.equal(store.put(bytes, { holder }), digest);
      assert.deepEqual(
        store.list().map((each) => each.digest),
        [digest],
      );
    },
  ],
  [
    'a blob of no bytes is a blob',
    async (store) => {
      const digest = store.put(Buffer.alloc(0), { holder });
      assert.equal(store.read(digest, { maxBytes: 0 }).length, 0);
      assert.deepEqual([...store.chunks(digest)], []);
      using writer = store.writer({ holder, digest });
      assert.equal((await writer.commit()).kind, 'already-exists');
    },
  ],
  [
    'what is being written can be read back, up to its end and until it is closed',
    async (store) => {
      const bytes = randomBytes(100_000);
      using writer = store.writer({ holder });
      const into = Buffer.alloc(60_000);
      assert.equal(writer.read(into, 0), 0);
      writer.write(bytes.subarray(0, 70_000));
      assert.equal(writer.read(into, 20_000), 50_000);
      assert.ok(into.subarray(0, 50_000).equals(bytes.subarray(20_000, 70_000)));
      writer.write(bytes.subarray(70_000));
      assert.equal(writer.read(into, 0), 60_000);
      assert.equal(writer.read(into, 100_000), 0);
      await writer.commit();
      assert.equal(writer.read(into, 0), 0);
    },
  ],
  [
    'a sha512 digest names a blob as well',
    async (store) => {
      const bytes = Buffer.from('content');
      const digest = sha512('content');
      using writer = store.writer({ holder, ref: 'upload' });
      writer.write(bytes);
      assert.equal((await writer.commit({ digest })).digest, digest);
      assert.ok(store.verify(digest));
      assert.deepEqual(Buffer.from(store.read(digest, { maxBytes: 100 })), bytes);
    },
  ],
  [
    'pieces of a large blob come in order, from any offset',
    async (store) => {
      const bytes = randomBytes(3 * 2 ** 20 + 17);
      const digest = await write(store, bytes);
      for (const offsetBytes of [0, 1, 2 ** 20, bytes.length - 1, bytes.length, bytes.length + 1]) {
        const pieces = [...store.chunks(digest, { offsetBytes })].length;
        const whole = Buffer.concat([...map(store.chunks(digest, { offsetBytes }), (piece) => Buffer.from(piece))]);
        assert.ok(whole.equals(bytes.subarray(offsetBytes)));
        assert.equal(pieces, Math.ceil(whole.length / 2 ** 20));
      }
    },
  ],
  [
    'five writers at once, 32-byte writes, with and without expected size and digest',
    async (store) => {
      const contents = [0, 32, 1000, 100_000, 300_000].map((length) => randomBytes(length));
      const writers = contents.map((bytes, index) => {
        const digest = index % 2 === 0 ? { digest: digestOf(bytes) } : { ref: `writer ${index}` };
        return {
          bytes,
          writer: store.writer({ holder, ...digest, ...(index > 2 ? { sizeBytes: bytes.length } : {}) }),
        };
      });
      for (let at = 0; at < 300_000; at += 32) {
        for (const { bytes, writer } of writers) if (at < bytes.length) writer.write(bytes.subarray(at, at + 32));
      }
      const commits = await Promise.all(writers.map(({ writer }) => writer.commit()));
      for (const [index, committed] of commits.entries()) {
        const bytes = contents[index] ?? Buffer.alloc(0);
        assert.deepEqual(
          [committed.kind, committed.digest, committed.sizeBytes],
          ['stored', digestOf(bytes), bytes.length],
        );
        assert.ok(store.verify(committed.digest));
      }
      assert.deepEqual(store.ingests(), []);
    },
  ],
  [
    'a blob of 32 MiB is stored and verified',
    async (store) => {
      const bytes = randomBytes(2 ** 25);
      assert.ok(store.verify(await write(store, bytes)));
    },
  ],
  [
    'the holder is told of a digest before it is looked up',
    async (store) => {
      const told: string[] = [];
      const digest = digestOf('content');
      const watching: BlobHolder = {
        add: (added) => void told.push(`${added === digest} ${store.stat(digest) !== undefined}`),
      };
      assert.equal(store.hold(digest, watching), false);
      using writer = store.writer({ holder: watching, digest });
      writer.write(Buffer.from('content'));
      await writer.commit();
      store.put(Buffer.from('content'), { holder: watching });
      assert.equal(store.hold(digest, watching), true);
      assert.deepEqual(told, ['true false', 'true false', 'true true', 'true true']);
    },
  ],
];

const resumptionCases: Cases = [
  [
    'an ingest that was cut goes on, or is cut back and written again: both give the right blob',
    async (store) => {
      for (const length of [500, 5000, 50_000]) {
        for (const share of [0, 0.1, 0.5, 0.9, 1]) {
          for (const again of ['go on', 'begin again', 'half again']) {
            const bytes = randomBytes(length);
            await resume(store, bytes, { cut: length * share, again });
          }
        }
      }
    },
  ],
  [
    'resuming after 128 bytes keeps offset and running digest',
    (store) => {
      const bytes = randomBytes(256);
      writePart(store, bytes.subarray(0, 128), { ref: 'part' });
      using writer = store.writer({ holder, ref: 'part' });
      assert.equal(writer.offsetBytes, 128);
      assert.equal(writer.digest(), digestOf(bytes.subarray(0, 128)));
      writer.write(bytes.subarray(128));
      assert.equal(writer.digest(), digestOf(bytes));
    },
  ],
  [
    'an open partial write is unavailable to others, to whom it is open again when it is closed',
    (store) => {
      const digest = digestOf('content');
      using writer = store.writer({ holder, digest });
      writer.write(Buffer.from('con'));
      assert.throws(() => store.writer({ holder, digest }), isFault('unavailable'));
      assert.throws(() => store.writer({ holder, ref: digest }), isFault('unavailable'));
      assert.equal(store.ingests()[0]?.open, true);
      const name = store.ingests()[0]?.name ?? '';
      assert.throws(() => store.discardIngest(name), isFault('unavailable'));
      writer.close();
      using next = store.writer({ holder, digest });
      assert.equal(next.offsetBytes, 3);
    },
  ],
  [
    'an ingest without digest and ref is not kept',
    (store) => {
      const writer = store.writer({ holder });
      writer.write(Buffer.from('con'));
      assert.equal(store.ingests().length, 1);
      writer.close();
      assert.deepEqual(store.ingests(), []);
    },
  ],
];

const refusalCases: Cases = [
  [
    'a wrong digest or size is refused, the bytes stay, and the right commit then works',
    async (store) => {
      const bytes = Buffer.from('content');
      for (const wrong of [
        { digest: digestOf('other') },
        { sizeBytes: 6 },
        { sizeBytes: 8 },
        { digest: sha512('x') },
      ]) {
        const writer = store.writer({ holder, ref: 'upload' });
        if (writer.offsetBytes === 0) writer.write(bytes);
        await assert.rejects(writer.commit(wrong), isFault('corrupt'));
        writer.close();
        assert.deepEqual(store.list(), []);
        assert.equal(store.ingests()[0]?.sizeBytes, 7);
      }
      using writer = store.writer({ holder, ref: 'upload' });
      await assert.rejects(writer.commit({ sizeBytes: 1 }), isFault('corrupt'));
      assert.equal((await writer.commit({ digest: digestOf(bytes), sizeBytes: 7 })).kind, 'stored');
    },
  ],
  [
    'what was expected when the writer was opened is held to',
    async (store) => {
      using wrong = store.writer({ holder, digest: digestOf('other'), sizeBytes: 7 });
      wrong.write(Buffer.from('content'));
      await assert.rejects(wrong.commit(), isFault('corrupt'));
      assert.throws(() => wrong.write(Buffer.from('!')), isFault('corrupt'));
      assert.equal(wrong.offsetBytes, 7);
      using short = store.writer({ holder, ref: 'short', sizeBytes: 8 });
      short.write(Buffer.from('content'));
      await assert.rejects(short.commit(), isFault('corrupt'));
    },
  ],
  [
    'committing what is there: already-exists, nothing lost',
    async (store) => {
      const bytes = Buffer.from('content');
      const digest = store.put(bytes, { holder });
      using writer = store.writer({ holder, ref: 'again' });
      writer.write(bytes);
      assert.equal((await writer.commit({ digest })).kind, 'already-exists');
      assert.ok(store.verify(digest));
      assert.deepEqual(store.ingests(), []);
    },
  ],
  [
    'two writers of the same bytes both succeed',
    async (store) => {
      const writers = ['one', 'two'].map((ref) => store.writer({ holder, ref }));
      for (const writer of writers) writer.write(Buffer.from('content'));
      const kinds = await Promise.all(writers.map(async (writer) => (await writer.commit()).digest));
      assert.deepEqual(kinds, [digestOf('content'), digestOf('content')]);
      assert.ok(store.verify(digestOf('content')));
      assert.deepEqual(store.ingests(), []);
    },
  ],
  [
    'a writer is of no use after its commit',
    async (store) => {
      const writer = store.writer({ holder, ref: 'x' });
      await writer.commit();
      assert.throws(() => writer.write(Buffer.from('x')), isFault('internal'));
      await assert.rejects(writer.commit(), isFault('internal'));
      writer.close();
    },
  ],
  [
    'reading what is not there, or is too large, is refused',
    (store) => {
      const missing = digestOf('missing');
      assert.throws(() => store.read(missing, { maxBytes: 10 }), isFault('not-found'));
      assert.throws(() => [...store.chunks(missing)], isFault('not-found'));
      assert.throws(() => store.makeDurable([missing]), isFault('not-found'));
      assert.equal(store.verify(missing), false);
      const digest = store.put(Buffer.from('content'), { holder });
      assert.throws(() => store.read(digest, { maxBytes: 6 }), isFault('exhausted'));
      assert.throws(() => store.put(Buffer.from('x'), { holder, digest }), isFault('corrupt'));
    },
  ],
];

const housekeepingCases: Cases = [
  [
    'a blob that was deleted is gone and can be stored again',
    (store) => {
      const digest = store.put(Buffer.from('content'), { holder });
      assert.equal(store.delete(digest), true);
      assert.equal(store.delete(digest), false);
      assert.deepEqual([store.stat(digest), store.list()], [undefined, []]);
      store.put(Buffer.from('content'), { holder });
      store.makeDurable([digest]);
      assert.ok(store.verify(digest));
    },
  ],
  [
    'an ingest that nobody writes can be discarded',
    (store) => {
      writePart(store, Buffer.from('con'), { digest: digestOf('content') });
      const [ingest] = store.ingests();
      assert.deepEqual([ingest?.sizeBytes, ingest?.open], [3, false]);
      assert.equal(store.discardIngest(ingest?.name ?? ''), true);
      assert.equal(store.discardIngest(ingest?.name ?? ''), false);
      assert.equal(store.discardIngest('../blobs'), false);
      using writer = store.writer({ holder, digest: digestOf('content') });
      assert.equal(writer.offsetBytes, 0);
    },
  ],
];

const holder: BlobHolder = { add: () => undefined };

function sha512(text: string): Digest {
  return `sha512:${hash('sha512', text)}` as Digest;
}

async function write(store: BlobStore, bytes: Buffer): Promise<Digest> {
  using writer = store.writer({ holder, digest: digestOf(bytes), sizeBytes: bytes.length });
  writeRest(writer, bytes);
  return (await writer.commit()).digest;
}

function writePart(store: BlobStore, bytes: Uint8Array, options: Omit<WriterOptions, 'holder'>): void {
  using writer = store.writer({ holder, ...options });
  writer.write(bytes);
}

function writeRest(writer: BlobWriter, bytes: Buffer): void {
  for (let at = writer.offsetBytes; at < bytes.length; at += 70_000) writer.write(bytes.subarray(at, at + 70_000));
}

async function resume(store: BlobStore, bytes: Buffer, how: { cut: number; again: string }): Promise<void> {
  const digest = digestOf(bytes);
  writePart(store, bytes.subarray(0, how.cut), { digest });
  using writer = store.writer({ holder, digest, sizeBytes: bytes.length });
  assert.equal(writer.offsetBytes, how.cut);
  if (how.again === 'begin again') writer.truncate(0);
  if (how.again === 'half again') writer.truncate(Math.floor(how.cut / 2));
  assert.equal(writer.digest(), digestOf(bytes.subarray(0, writer.offsetBytes)));
  writeRest(writer, bytes);
  assert.equal((await writer.commit({ digest, sizeBytes: bytes.length })).kind, 'stored');
  assert.ok(Buffer.from(store.read(digest, { maxBytes: bytes.length })).equals(bytes));
}

function* map<A, B>(items: Iterable<A>, change: (item: A) => B): Iterable<B> {
  for (const item of items) yield change(item);
}

function isFault(code: string): (error: unknown) => boolean {
  return (error) => Fault.is(error) && error.code === code;
}

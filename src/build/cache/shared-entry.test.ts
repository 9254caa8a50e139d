import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { parseDiffId } from '../../oci/index.ts';
import { decodeEntries, encodeEntries, nothingMade, type SharedEntry } from './shared-entry.ts';

const entry: SharedEntry = {
  contentKey: 'key',
  contentId: 'content:1',
  layer: parseDiffId(`sha256:${'a'.repeat(64)}`),
  createdMs: 1_700_000_000_000,
  slot: 'build/run/0',
  label: 'RUN make',
  record: 'digest',
  reading: undefined,
  preimage: Buffer.from([0, 255, 10]),
};

test('entries are read as they were written, in one order', () => {
  const nothing = { ...entry, contentKey: 'other', contentId: nothingMade, layer: undefined, preimage: undefined };
  assert.deepEqual(decodeEntries(encodeEntries([nothing, entry])), [entry, nothing]);
  assert.deepEqual(encodeEntries([nothing, entry]), encodeEntries([entry, nothing]));
});

test('records beyond 16 MiB stay behind, the largest first; their steps do not', () => {
  const large = { ...entry, contentKey: 'large', preimage: Buffer.alloc(17 * 2 ** 20) };
  const read = decodeEntries(encodeEntries([large, entry]));
  assert.deepEqual(
    read.map(({ contentKey, preimage }) => [contentKey, preimage?.length]),
    [
      ['key', 3],
      ['large', undefined],
    ],
  );
});

/** The list with one line more. */
function withLine(line: string): Uint8Array {
  return Buffer.concat([encodeEntries([entry]), Buffer.from(`${line}\n`)]);
}

function json(change: object): string {
  return JSON.stringify({ ...entry, preimage: undefined, ...change });
}

function refused(bytes: Uint8Array, code: string, message: RegExp): void {
  assert.throws(
    () => decodeEntries(bytes),
    (error) => Fault.is(error) && error.code === code && message.test(error.message),
  );
}

test('a label may have all that looks like structure', () => {
  const label = `RUN echo '{"a":[1,2,{"b":"\\\\"}]}' ${'{[:,"'.repeat(100)}`;
  assert.deepEqual(decodeEntries(encodeEntries([{ ...entry, label }])), [{ ...entry, label }]);
});

test('lines beyond 50,000 are not looked at', () => {
  refused(Buffer.concat([encodeEntries([]), Buffer.alloc(20 << 20, '\n')]), 'exhausted', /more than 50000 steps/);
});

test('what is no list of entries is refused, with the place', () => {
  refused(Buffer.alloc(0), 'invalid', /not JSON/);
  refused(Buffer.from('{"format":"varve.cache.9"}\n'), 'unsupported', /varve\.cache\.9/);
  refused(withLine('[]'), 'invalid', /step 2 .* not an object/);
  refused(withLine('{"contentId":"x"}'), 'invalid', /contradict/);
  refused(withLine(json({ layer: 'sha256:../../etc' })), 'invalid', /parse digest/);
  refused(withLine(json({ contentId: nothingMade })), 'invalid', /contradict/);
  refused(withLine(json({ createdMs: 1e16 })), 'invalid', /createdMs/);
  refused(withLine('['.repeat(1000)), 'invalid', /step 2 .* no flat list/);
  refused(withLine(`{${'"a":1,'.repeat(1000)}"b":1}`), 'invalid', /no flat list/);
  refused(withLine(json({ createdMs: 9e15 })), 'invalid', /no time/);
});

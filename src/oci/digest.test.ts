import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { chainIds, createDigester, digestMatches, digestOf, parseDiffId, parseDigest, shortDigest } from './digest.ts';

const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a digest is an algorithm and lower-case hex of its length', () => {
  assert.equal(parseDigest(empty), empty);
  assert.equal(parseDigest(`sha512:${'0'.repeat(128)}`).length, 135);
  const bad = ['', 'sha256', 'sha256:', `:${'0'.repeat(64)}`, `SHA256:${'0'.repeat(64)}`, `sha256:${'A'.repeat(64)}`];
  for (const text of [...bad, `sha256:${'0'.repeat(63)}`, `sha256:${'0'.repeat(65)}`, `sha256:../${'0'.repeat(61)}`]) {
    assert.throws(
      () => parseDigest(text),
      (error) => Fault.is(error, 'invalid'),
      text,
    );
  }
});

test('a digest that cannot be verified here is unsupported', () => {
  for (const text of [`sha384:${'0'.repeat(96)}`, 'multihash+base58:QmRZ', `constructor:${'0'.repeat(64)}`]) {
    assert.throws(
      () => parseDigest(text),
      (error) => Fault.is(error, 'unsupported'),
      text,
    );
  }
  assert.throws(
    () => parseDiffId(`sha512:${'0'.repeat(128)}`),
    (error) => Fault.is(error, 'unsupported'),
  );
});

test('a digest of pieces is the digest of the whole', () => {
  const digester = createDigester();
  digester.update(Buffer.from('var'));
  digester.update(Buffer.from('ve'));
  assert.equal(digester.digest(), digestOf('varve'));
  assert.equal(createDigester().digest(), empty);
  assert.equal(shortDigest(digestOf('')), 'e3b0c44298fc');
});

test('content is checked against either algorithm', () => {
  const sha512 = createDigester('sha512');
  sha512.update(Buffer.from('varve'));
  const digest = sha512.digest();
  assert.equal(digestMatches(digest, Buffer.from('varve')), true);
  assert.equal(digestMatches(digest, Buffer.from('varv')), false);
  assert.equal(digestMatches(digestOf('x'), Buffer.from('x')), true);
});

test('chain ids: the first is the diff id, each further one hashes chain and diff id', () => {
  // Recomputed with `printf '%s %s' A B | sha256sum`.
  const a = parseDiffId('sha256:9007f5987db353ec398a223bc5a135c5a9601798ba20a1abba537ea2f8ac765f');
  const b = parseDiffId('sha256:1b06990ff0df8dad281fad7e6e4c5e91f32f8f8c095d6c74cf1e90a6f4407e28');
  assert.deepEqual(chainIds([]), []);
  assert.deepEqual(chainIds([a, b, a]), [
    a,
    'sha256:3227a38b3b77eab17be5977a5181bd14836e893c89f594568d4f454a7c6379c0',
    'sha256:0055971aad77c9bd43a7e95d5bd55e199986c6b66320ba41d6b6bae76661b0b5',
  ]);
});

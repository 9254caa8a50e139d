import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretMask } from './secret-mask.ts';

/** What comes out of these chunks; `|` stands where a chunk ends. */
function masked(secrets: readonly string[], chunks: string): string {
  const mask = new SecretMask(secrets.map((secret) => Buffer.from(secret)));
  const shown = chunks.split('|').map((chunk) => Buffer.from(mask.add(Buffer.from(chunk))).toString());
  return [...shown, Buffer.from(mask.end()).toString()].join('|');
}

test('secrets are taken out wherever they stand, also where they are cut', () => {
  assert.equal(masked(['hunter2\n'], 'a hunter2 b hunter2\n'), 'a *** b ***\n|');
  assert.equal(masked(['hunter2'], 'a hun|ter|2 b'), 'a ||*** b|');
  assert.equal(masked(['hunter2', 'token'], 'tok|en=hunter2|hunter2'), '|***=***|***|');
});

test('what only began like a secret is shown, at the latest at the end', () => {
  assert.equal(masked(['hunter2'], 'a hun|ger hunt'), 'a |hunger |hunt');
  assert.equal(masked(['aaaa'], 'aaa'), '|aaa');
  assert.equal(masked(['aaaa'], 'aaa|aaa'), '|***|aa');
});

test('of secrets that begin alike the longer is taken out whole', () => {
  assert.equal(masked(['abcd', 'abcdef'], 'abcd|ef abcdx'), '|*** ***x|');
  assert.equal(masked(['abcd', 'abcdef'], 'abcd'), '|***');
  assert.equal(masked(['abcd', 'bcdefg'], 'abcd|efg'), '***|efg|');
});

test('bytes that are no text are masked and shown as they are', () => {
  const mask = new SecretMask([Buffer.from([0xff, 0, 1, 2])]);
  assert.deepEqual([...mask.add(Buffer.from([9, 0xff, 0, 1, 2, 0xfe, 0xff]))], [9, 0x2a, 0x2a, 0x2a, 0xfe]);
  assert.deepEqual([...mask.end()], [0xff]);
});

test('nothing is held back without a secret, and the shortest are left', () => {
  assert.equal(masked([], 'abc|def'), 'abc|def|');
  assert.equal(masked(['', '\n', 'abc'], 'abc|def'), 'abc|def|');
});

test('a secret of several lines is one', () => {
  assert.equal(masked(['one\ntwo\n'], 'one\n|two\none\n'), '|***\n|one\n');
});

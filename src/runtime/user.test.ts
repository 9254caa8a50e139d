import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUser } from './user.ts';

const database = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbob:x:1001:50::\nbroken:x:abc:0::/:\n',
  group: 'root:x:0:\nann:x:1000:\nstaff:x:50:bob\naudio:x:29:ann,bob\nvideo:x:44:ann\n',
};

/** What Docker Engine 28 gives to `docker run --user SPEC` with these two files. */
const table: readonly (readonly [spec: string, uid: number, groups: readonly number[], home: string])[] = [
  ['', 0, [0], '/root'],
  ['root', 0, [0], '/root'],
  ['ann', 1000, [1000, 29, 44], '/home/ann'],
  ['1000', 1000, [1000, 29, 44], '/home/ann'],
  ['bob', 1001, [50, 29], ''],
  ['ann:staff', 1000, [50], '/home/ann'],
  ['ann:29', 1000, [29], '/home/ann'],
  ['1000:1234', 1000, [1234], '/home/ann'],
  ['4321', 4321, [0], '/'],
  ['4321:audio', 4321, [29], '/'],
  [':audio', 0, [29], '/root'],
  ['ann:', 1000, [1000, 29, 44], '/home/ann'],
];

for (const [spec, uid, groups, home] of table) {
  test(`user "${spec}" is ${uid} with groups ${groups.join(',')}`, () => {
    assert.deepEqual(findUser(database, spec), { uid, gid: groups[0], additionalGids: groups, home });
  });
}

test('added groups come after the user’s own, by name or number', () => {
  assert.deepEqual(findUser(database, 'bob', ['video', '7']).additionalGids, [50, 29, 44, 7]);
});

test('a root file system without user files knows numbers and root only', () => {
  const empty = { passwd: undefined, group: undefined };
  assert.deepEqual(findUser(empty, '5:6'), { uid: 5, gid: 6, additionalGids: [6], home: '/' });
  assert.deepEqual(findUser(empty, ''), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
  assert.throws(() => findUser(empty, 'root'), { code: 'not-found' });
});

test('an unknown name is refused in Docker’s words', () => {
  const cases = [
    ['foo', 'unable to find user foo: no matching entries in passwd file'],
    ['ann:foo', 'unable to find group foo: no matching entries in group file'],
    ['broken', 'unable to find user broken: no matching entries in passwd file'],
  ] as const;
  for (const [spec, message] of cases) {
    assert.throws(() => findUser(database, spec), { name: 'Fault', code: 'not-found', message });
  }
});

test('an id out of range is refused', () => {
  for (const spec of ['2147483648', '-1', '0:4294967296']) {
    assert.throws(() => findUser(database, spec), { code: 'invalid', message: /must be in range 0-2147483647/ });
  }
});

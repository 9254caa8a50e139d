import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allCapabilities, changedCapabilities, defaultCapabilities } from './capabilities.ts';

test('the defaults are the fourteen that Docker gives', () => {
  const mask = defaultCapabilities.reduce((sum, name) => sum | (1n << BigInt(allCapabilities.indexOf(name))), 0n);
  assert.equal(mask.toString(16), 'a80425fb');
});

test('capabilities are added and dropped by any spelling of their names', () => {
  const changed = changedCapabilities({ add: ['sys_ptrace', 'CAP_NET_ADMIN'], drop: ['MKNOD'] });
  const wanted = [...defaultCapabilities.filter((name) => name !== 'CAP_MKNOD'), 'CAP_SYS_PTRACE', 'CAP_NET_ADMIN'];
  assert.deepEqual(changed, wanted);
});

test('all on one side, names on the other', () => {
  assert.deepEqual(changedCapabilities({ drop: ['ALL'], add: ['CHOWN'] }), ['CAP_CHOWN']);
  assert.deepEqual(
    changedCapabilities({ add: ['all'], drop: ['SYS_ADMIN'] }),
    allCapabilities.filter((name) => name !== 'CAP_SYS_ADMIN'),
  );
});

test('nobody gives what they do not hold', () => {
  const held = new Set(['CAP_CHOWN', 'CAP_KILL']);
  assert.deepEqual(changedCapabilities({ add: ['ALL'], held }), [...held]);
  assert.deepEqual(changedCapabilities({ held }), [...held]);
  assert.throws(() => changedCapabilities({ add: ['BPF'], held }), { code: 'denied', message: /CAP_BPF/ });
});

test('an unknown capability is named', () => {
  assert.throws(() => changedCapabilities({ add: ['FLY'] }), { code: 'invalid', message: 'unknown capability "FLY"' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposure, type ServedRegistry } from './registry-exposure.ts';

const open: ServedRegistry = { host: '0.0.0.0', readOnly: false, asksForPasswords: false, usesTls: false };
const shown = (change: Partial<ServedRegistry>): string | undefined => exposure('0.0.0.0:5000', { ...open, ...change });

test('a registry that others reach is warned of: what they may do, and passwords that they may read', () => {
  assert.match(shown({}) ?? '', /read and change the store; see --auth/);
  assert.match(shown({ readOnly: true }) ?? '', /may read the store/);
  assert.match(shown({ asksForPasswords: true }) ?? '', /in the clear; see --tls-cert/);
  assert.equal(shown({ asksForPasswords: true, usesTls: true }), undefined);
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.equal(shown({ host }), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameserversWithin } from './nameservers.ts';

const forwarded = '169.254.1.1';

/** resolv.conf(5) and what stands for it inside. */
const cases: readonly (readonly [resolvConf: string, within: readonly string[]])[] = [
  ['nameserver 10.0.0.53\nnameserver fd00::53\n', ['10.0.0.53', 'fd00::53']],
  ['nameserver 127.0.0.53\noptions edns0\n', [forwarded]],
  ['nameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1\n', [forwarded, '10.0.0.1']],
  ['nameserver 10.0.0.1\nnameserver 127.0.0.1\n', ['10.0.0.1']],
  ['nameserver 0.0.0.0\n', [forwarded]],
  ['nameserver fe80::1%eth0\n', ['fe80::1%eth0']],
  ['# nameserver 10.0.0.1\n; nameserver 10.0.0.2\nsearch example.org\n', [forwarded]],
  ['', [forwarded]],
  ['nameserver\t10.0.0.1  # the router\nnameserver no-address\nnameserver 10.0.0.1; rm -rf /\n', ['10.0.0.1']],
  [
    'nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4',
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  ],
];

for (const [resolvConf, within] of cases) {
  test(`${JSON.stringify(resolvConf)} means ${within.join(' ')} inside`, () => {
    assert.deepEqual(nameserversWithin(resolvConf, forwarded), within);
  });
}

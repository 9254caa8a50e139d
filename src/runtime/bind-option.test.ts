import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBindOption } from './bind-option.ts';

const plain = { readonly: false, propagation: 'rprivate' };

test('a mount has a source, a target and options', () => {
  assert.deepEqual(parseBindOption('/a:/b'), { source: '/a', target: '/b', ...plain });
  assert.deepEqual(parseBindOption('cache:/b:rw'), { source: 'cache', target: '/b', ...plain });
  assert.deepEqual(parseBindOption('/b'), { source: undefined, target: '/b', ...plain });
  assert.deepEqual(parseBindOption('/a:/b:ro,z,rslave'), {
    source: '/a',
    target: '/b',
    readonly: true,
    propagation: 'rslave',
  });
});

test('what is no mount is refused with its reason', () => {
  const cases = [
    ['/a:b', /target "b" is not absolute/],
    ['', /it is not/],
    ['/a::ro', /it is not/],
    ['/a:/b:ro:x', /it is not/],
    ['/a:/b:fast', /unknown option "fast"/],
    ['/a:/b:ro,rw', /contradict/],
    ['/a:/b:shared,rslave', /contradict/],
  ] as const;
  for (const [text, message] of cases) assert.throws(() => parseBindOption(text), { code: 'invalid', message });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAuthChallenge } from './auth-challenge.ts';

const hub = { kind: 'bearer', realm: 'https://auth.docker.io/token', service: 'registry.docker.io' } as const;

const headers: readonly (readonly [string, ReturnType<typeof parseAuthChallenge>])[] = [
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"',
    { ...hub, scope: 'repository:library/alpine:pull' },
  ],
  [
    'bearer Realm=https-less , realm="https://auth.docker.io/token" , service=registry.docker.io',
    { ...hub, scope: undefined },
  ],
  ['Basic realm="x, Bearer realm=y"', { kind: 'basic' }],
  [
    'Basic realm="a", Bearer realm="https://b", scope="r:a:pull,push"',
    { kind: 'bearer', realm: 'https://b', service: undefined, scope: 'r:a:pull,push' },
  ],
  ['Bearer realm="a\\"b"', { kind: 'bearer', realm: 'a"b', service: undefined, scope: undefined }],
  ['Bearer', undefined],
  ['Negotiate', undefined],
  ['', undefined],
  ['"', undefined],
];

for (const [header, challenge] of headers) {
  test(`${header || 'an empty header'} asks for ${challenge?.kind ?? 'nothing that is known'}`, () => {
    assert.deepEqual(parseAuthChallenge(header), challenge);
  });
}

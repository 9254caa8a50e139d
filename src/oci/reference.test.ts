import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { familiarReference, formatReference, isTag, parseReference, tagOrDigest } from './reference.ts';

const digest = `sha256:${'f'.repeat(64)}`;
const sha512 = `sha512:${'0'.repeat(128)}`;

/** What is written → the whole name → the familiar one. */
const names: readonly (readonly [string, string, string])[] = [
  ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['alpine:3.20', 'docker.io/library/alpine:3.20', 'alpine:3.20'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/fooo/bar', 'docker.io/fooo/bar:latest', 'fooo/bar:latest'],
  ['library/debian', 'docker.io/library/debian:latest', 'debian:latest'],
  ['library/foo/bar', 'docker.io/library/foo/bar:latest', 'library/foo/bar:latest'],
  ['docker.io/store/foo/bar', 'docker.io/store/foo/bar:latest', 'store/foo/bar:latest'],
  ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
  ['localhost:5000/x:1', 'localhost:5000/x:1', 'localhost:5000/x:1'],
  ['localhost', 'docker.io/library/localhost:latest', 'localhost:latest'],
  ['127.0.0.1:5000/docker/docker', '127.0.0.1:5000/docker/docker:latest', '127.0.0.1:5000/docker/docker:latest'],
  ['192.168.0.1:80', 'docker.io/library/192.168.0.1:80', '192.168.0.1:80'],
  ['test_com/foo', 'docker.io/test_com/foo:latest', 'test_com/foo:latest'],
  ['test.com/foo_bar.com:8080', 'test.com/foo_bar.com:8080', 'test.com/foo_bar.com:8080'],
  ['xn--n3h.com:18080/foo', 'xn--n3h.com:18080/foo:latest', 'xn--n3h.com:18080/foo:latest'],
  ['[fc00::1]:5000/docker', '[fc00::1]:5000/docker:latest', '[fc00::1]:5000/docker:latest'],
  ['[2001:db8::1]/repo:tag', '[2001:db8::1]/repo:tag', '[2001:db8::1]/repo:tag'],
  ['DOCKER/docker', 'DOCKER/docker:latest', 'DOCKER/docker:latest'],
  ['dock__er/docker---rules', 'docker.io/dock__er/docker---rules:latest', 'dock__er/docker---rules:latest'],
  ['lowercase:Uppercase', 'docker.io/library/lowercase:Uppercase', 'lowercase:Uppercase'],
  [`redis@${digest}`, `docker.io/library/redis@${digest}`, `redis@${digest}`],
  [`redis:7@${digest}`, `docker.io/library/redis:7@${digest}`, `redis:7@${digest}`],
  [`a.io/b:c@${sha512}`, `a.io/b:c@${sha512}`, `a.io/b:c@${sha512}`],
  [`docker.io/${'a1'.repeat(32)}`, `docker.io/library/${'a1'.repeat(32)}:latest`, `${'a1'.repeat(32)}:latest`],
  [`${'a/'.repeat(127)}a:over`, `docker.io/${'a/'.repeat(127)}a:over`, `${'a/'.repeat(127)}a:over`],
];

for (const [text, full, familiar] of names) {
  test(`${text.slice(0, 60)} means ${full.slice(0, 60)}`, () => {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), full);
    assert.equal(familiarReference(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
    // A name of 64 hex digits cannot be written short: that is an image id.
    if (!/^[a-f0-9]{64}:/.test(familiar)) assert.deepEqual(parseReference(familiar), reference);
  });
}

test('the parts of a reference are where one looks for them', () => {
  assert.deepEqual(parseReference('alpine'), { registry: 'docker.io', repository: 'library/alpine', tag: 'latest' });
  assert.deepEqual(parseReference(`a.io/b@${digest}`), { registry: 'a.io', repository: 'b', digest });
});

const refused = [
  '',
  'a b',
  'a\n',
  `@${digest}`,
  `a@${digest}:b`,
  `a:${'b'.repeat(129)}`,
  `repo@sha256:${'f'.repeat(34)}`,
  `${'a/'.repeat(128)}a:tag`,
  '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a',
  ...words(`:justtag https://github.com/docker/docker docker/Docker Uppercase:tag -docker -docker/docker docker-/docker
    -docker.io/docker/docker docker///docker docker.io/docker///docker docker.io/docker/Docker
    test:5000/Uppercase/lowercase:tag ____/____ _docker/_docker dock..er/docker dock_.er/docker dock-.er/docker docker/
    /docker aa/asdf$$^/aa [fc00::1] [fc00::1]:5000 fc00::1:5000/debian [fe80::1%eth0]:5000/debian
    [2001:db8:3:4::192.0.2.33]:5000/debian a:-b a: a@b ../a a/../b a.io/../b`),
];

for (const text of refused) {
  test(`${JSON.stringify(text.slice(0, 70))} is no image name`, () => {
    assert.throws(
      () => parseReference(text),
      (error) => Fault.is(error, 'invalid'),
    );
  });
}

test('a digest in a name that cannot be verified is unsupported', () => {
  const text = `a@invaliddigest:${'f'.repeat(64)}`;
  assert.throws(
    () => parseReference(text),
    (error) => Fault.is(error, 'unsupported'),
  );
});

test('the messages say what is wrong', () => {
  assert.throws(() => parseReference('docker/Docker'), /"docker\/Docker": the repository .* lower case/);
  assert.throws(() => parseReference('https://x/y'), /it is a URL/);
  assert.throws(() => parseReference('a'.repeat(64)), /64 hex digits are an image id/);
});

test('of a name with tag and digest the digest says which image it is', () => {
  assert.deepEqual(
    ['a', 'a:1', `a:1@${digest}`].map((text) => tagOrDigest(parseReference(text))),
    ['latest', '1', digest],
  );
});

test('a tag has up to 128 word characters, dots and dashes, and starts with a word character', () => {
  assert.ok(['latest', 'V1.0-rc', '_x', 'a'.repeat(128)].every(isTag));
  assert.ok(!['', '.x', '-x', 'a b', 'a'.repeat(129)].some(isTag));
});

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

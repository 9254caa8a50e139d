import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { contextKey, parseNamedContexts } from './named-context.ts';

function parsed(value: string): unknown {
  return [...parseNamedContexts(new Map([['x', value]])).values()][0];
}

test('a value says by its form what it is', () => {
  const table: readonly (readonly [string, object])[] = [
    ['/', { kind: 'directory', path: '/' }],
    ['docker-image://alpine:3', { kind: 'image', name: 'alpine:3' }],
    ['docker-image://scratch', { kind: 'nothing' }],
    ['oci-layout:///a/b', { kind: 'layout', path: '/a/b', name: undefined }],
    ['oci-layout://a:v1', { kind: 'layout', path: 'a', name: 'v1' }],
    ['oci-layout://a@sha256:00', { kind: 'layout', path: 'a', name: 'sha256:00' }],
    ['oci-layout://a:v1@sha256:00', { kind: 'layout', path: 'a', name: 'sha256:00' }],
    ['https://h/a.tar', { kind: 'remote', url: 'https://h/a.tar' }],
    ['https://h/a.git#v1', { kind: 'remote', url: 'https://h/a.git#v1' }],
    ['git@h:a/b', { kind: 'remote', url: 'git@h:a/b' }],
  ];
  for (const [value, expected] of table) assert.deepEqual(parsed(value), expected);
});

test('a name is meant in all its forms', () => {
  const keys = [...parseNamedContexts(new Map([['alpine', '/']])).keys()];
  for (const name of ['alpine', 'alpine:latest', 'docker.io/library/alpine', 'library/alpine:latest']) {
    assert.deepEqual(keys, [contextKey(name)]);
  }
  for (const name of ['alpine:3', 'Alpine', 'scratch', 'SCRATCH', 'context', '', 'a b']) {
    assert.notEqual(contextKey(name), keys[0]);
  }
});

test('what cannot be is refused before anything is built', () => {
  for (const [name, value, code] of [
    ['UP', '/', 'invalid'],
    ['x', '/dev/null', 'invalid'],
    ['x', '/nonexistent', 'not-found'],
    ['x', '', 'not-found'],
    ['x', 'target:y', 'unsupported'],
    ['x', 'https://h/a.git?nope=1', 'invalid'],
  ] as const) {
    assert.throws(
      () => parseNamedContexts(new Map([[name, value]])),
      (error) => Fault.is(error, code),
    );
  }
});

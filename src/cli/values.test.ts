import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectEnvironment, parseEnvironmentFile } from './environment.ts';
import { ellipsis, formatAge, formatDuration, formatMemory, formatSize, formatTime } from './human.ts';
import { cutToWidth, displayWidth } from './progress/display-width.ts';
import { parseLabels, parseMemoryBytes, parseNumber, parseTimeMs } from './parse-values.ts';
import { familiarReference, splitReference } from './reference-display.ts';
import { parseSignalName } from './signal-name.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;

test('sizes have decimal units and three digits', () => {
  const sizes = [0, 1, 999, 1000, 1_984_172, 7_800_000, 164_000_000, 999_900_000, 1.5e12].map((size) =>
    formatSize(size),
  );
  assert.deepEqual(sizes, ['0B', '1B', '999B', '1kB', '1.98MB', '7.8MB', '164MB', '1000MB', '1.5TB']);
  assert.equal(formatSize(2_097_152, 4), '2.097MB');
  assert.equal(formatMemory(25_275_000_000), '23.54GiB');
});

test('durations are in the coarse words of Docker', () => {
  const seconds = [
    0.5,
    1,
    59,
    60,
    119,
    120,
    3599,
    3600,
    5399,
    5400,
    47 * 3600,
    48 * 3600,
    13 * 86_400,
    14 * 86_400,
    60 * 86_400,
    730 * 86_400,
  ];
  assert.deepEqual(
    seconds.map((each) => formatDuration(each * secondMs)),
    [
      'Less than a second',
      '1 second',
      '59 seconds',
      'About a minute',
      'About a minute',
      '2 minutes',
      '59 minutes',
      'About an hour',
      'About an hour',
      '2 hours',
      '47 hours',
      '2 days',
      '13 days',
      '2 weeks',
      '2 months',
      '2 years',
    ],
  );
});

test('an age is N/A where there is no time, and never negative', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  assert.equal(formatAge('2026-11-23T10:00:00Z', now), '2 hours ago');
  assert.equal(formatAge('2026-11-23T13:00:00Z', now), 'Less than a second ago');
  assert.equal(formatAge('0001-01-01T00:00:00Z', now), 'N/A');
  assert.equal(formatAge('', now), 'N/A');
  assert.equal(formatTime('2026-11-23T15:26:55.943620357Z'), '2026-11-23 15:26:55 +0000 UTC');
});

test('what is cut ends in an ellipsis and counts characters, not bytes', () => {
  assert.equal(ellipsis('äöüäöü', 6), 'äöüäöü');
  assert.equal(ellipsis('äöüäöü', 5), 'äöüä…');
});

test('wide characters take two columns of a terminal, marks none', () => {
  assert.deepEqual(['abc', '日本', 'e\u0301', '🚀'].map(displayWidth), [3, 4, 1, 2]);
  assert.equal(cutToWidth('a日本', 4), 'a日');
  assert.equal(cutToWidth('abc', 3), 'abc');
});

test('memory is read in powers of 1024', () => {
  assert.deepEqual(['512', '512b', '4k', '4kb', '512m', '1.5G', '1GiB'].map(parseMemoryBytes), [
    512,
    512,
    4096,
    4096,
    2 ** 29,
    1.5 * 2 ** 30,
    2 ** 30,
  ]);
  for (const bad of ['', 'm', '-1', '1x', '1 2']) assert.throws(() => parseMemoryBytes(bad), { code: 'invalid' });
});

test('numbers say which flag they are for', () => {
  assert.equal(parseNumber('-1', 'pids-limit', { whole: true, least: -1 }), -1);
  assert.equal(parseNumber('1.5', 'cpus', { whole: false }), 1.5);
  for (const bad of ['', ' ', 'x', '1.5', '-2', '1e400']) {
    assert.throws(() => parseNumber(bad, 'tail', { whole: true }), { code: 'invalid', message: /--tail/ });
  }
});

test('times are RFC 3339, seconds since 1970, or how long ago', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  assert.equal(parseTimeMs('2026-11-23T11:00:00Z', now), now - hourMs);
  assert.equal(parseTimeMs('2026-11-23T11:00:00', now), now - hourMs);
  assert.equal(parseTimeMs('2026-11-23', now), now - 12 * hourMs);
  assert.equal(parseTimeMs('1764158400.5', now), 1_764_158_400_500);
  assert.equal(parseTimeMs('1h30m', now), now - 1.5 * hourMs);
  assert.throws(() => parseTimeMs('yesterday', now), { code: 'invalid', message: "invalid time: 'yesterday'" });
});

test('signals have many spellings', () => {
  assert.deepEqual(['KILL', 'SIGKILL', 'kill', '9', 'SIGRTMIN+3'].map(parseSignalName), [
    'SIGKILL',
    'SIGKILL',
    'SIGKILL',
    'SIGKILL',
    'SIGRTMIN+3',
  ]);
  for (const bad of ['', '0', 'FROB', '99']) assert.throws(() => parseSignalName(bad), { code: 'invalid' });
});

test('a label without a value is empty, one without a name is refused', () => {
  assert.deepEqual(
    [...parseLabels(['a=1', 'b', 'c=d=e'])],
    [
      ['a', '1'],
      ['b', ''],
      ['c', 'd=e'],
    ],
  );
  assert.throws(() => parseLabels(['=x']), { code: 'invalid' });
});

test('an environment file has comments, blank lines and names that take the value from outside', () => {
  assert.deepEqual(parseEnvironmentFile('\uFEFFA=1\r\n\n  # no\n  B=two words \nC\n', 'f'), [
    'A=1',
    'B=two words ',
    'C',
  ]);
  assert.throws(() => parseEnvironmentFile('A=1\nB C=2\n', 'f'), {
    code: 'invalid',
    message: "f:2: variable 'B C' contains whitespaces",
  });
  assert.throws(() => parseEnvironmentFile('=2\n', 'f'), {
    code: 'invalid',
    message: "f:1: no variable name before '='",
  });
});

test('a variable without a value is passed on, or left out where it is not set', () => {
  assert.deepEqual(collectEnvironment([], ['A=1', 'HOME', 'NOPE', 'EMPTY'], { HOME: '/root', EMPTY: '' }), [
    'A=1',
    'HOME=/root',
    'EMPTY=',
  ]);
  assert.throws(() => collectEnvironment(['/nonexistent/file'], [], {}), { code: 'not-found' });
});

test('references are taken apart for showing', () => {
  assert.deepEqual(splitReference('docker.io/library/alpine:3.20'), {
    domain: 'docker.io',
    path: 'library/alpine',
    tag: '3.20',
    digest: undefined,
  });
  assert.deepEqual(splitReference('localhost:5000/a/b@sha256:0'), {
    domain: 'localhost:5000',
    path: 'a/b',
    tag: undefined,
    digest: 'sha256:0',
  });
  assert.deepEqual(splitReference('alpine'), {
    domain: 'docker.io',
    path: 'alpine',
    tag: undefined,
    digest: undefined,
  });
  assert.equal(familiarReference('docker.io/library/alpine:3.20'), 'alpine:3.20');
  assert.equal(familiarReference('docker.io/team/x:1'), 'team/x:1');
  assert.equal(familiarReference('localhost:5000/x:1'), 'localhost:5000/x:1');
});

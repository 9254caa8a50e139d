import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { signalNumber, type MountStub } from '../runtime/index.ts';
import type { TreeChange } from '../snapshot/index.ts';
import { bytesOf } from '../std/index.ts';
import { checkedContainerName, isContainerId, newContainerId, randomContainerName } from './container-name.ts';
import { statusText } from './container-summary.ts';
import { planMounts } from './mount-plan.ts';
import { checkSecurityOptions } from './security-options.ts';
import { StubFilter } from './stub-filter.ts';

const invalid = (error: unknown): boolean => Fault.is(error, 'invalid');

test('a status says how long in the coarse words of Docker', () => {
  const minute = 60_000;
  const hour = 60 * minute;
  for (const [passedMs, text] of [
    [200, 'Less than a second'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [minute, 'About a minute'],
    [2 * minute, '2 minutes'],
    [hour, 'About an hour'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [14 * 24 * hour, '2 weeks'],
    [60 * 24 * hour, '2 months'],
    [2 * 365 * 24 * hour, '2 years'],
  ] as const) {
    const startedAt = new Date(0).toISOString();
    const life = {
      kind: 'running',
      startedAt,
      process: { pid: 1, startTime: '1' },
      monitor: undefined,
      bootId: 'b',
    } as const;
    assert.equal(statusText(life, passedMs), `Up ${text}`);
    const exited = { kind: 'exited', startedAt, finishedAt: startedAt, exitCode: 3 } as const;
    assert.equal(statusText(exited, passedMs), `Exited (3) ${text} ago`);
  }
  assert.equal(statusText({ kind: 'created' }, 0), 'Created');
});

test('names are those that Docker takes', () => {
  assert.equal(checkedContainerName('/a_b.c-1'), 'a_b.c-1');
  for (const bad of ['', 'a', '-ab', '.ab', 'a b', 'a/b', 'ä1', `a${'b'.repeat(255)}`]) {
    assert.throws(() => checkedContainerName(bad), invalid, bad);
  }
  assert.equal(checkedContainerName(randomContainerName()).includes('_'), true);
  assert.ok(isContainerId(newContainerId()));
});

test('signals go by name, by short name and by number', () => {
  const numbers = ['KILL', 'sigkill', '9', 'SIGRTMIN', 'SIGRTMIN+3', 'RTMAX-1'].map(signalNumber);
  assert.deepEqual(numbers, [9, 9, 9, 34, 37, 63]);
  for (const bad of ['', 'BAR', '0', '65', 'RTMIN-1', 'RTMAX+1', 'SIG', '-9']) {
    assert.throws(() => signalNumber(bad), invalid, bad);
  }
});

test('mounts come from options and the VOLUMEs of the image; an option goes first, a path stands once', () => {
  const planned = planMounts(['/host/../h:/b:ro', 'vol:/c/', '/d', '/h:/v'], ['/v', '/e/']);
  assert.deepEqual(planned, [
    { kind: 'bind', source: '/h', target: '/b', readonly: true },
    { kind: 'volume', name: 'vol', target: '/c', readonly: false, anonymous: false },
    { kind: 'volume', name: undefined, target: '/d', readonly: false, anonymous: true },
    { kind: 'volume', name: undefined, target: '/e', readonly: false, anonymous: true },
    { kind: 'bind', source: '/h', target: '/v', readonly: false },
  ]);
  for (const bad of ['/a:/', '/a:/x/..', 'a/b:/c', '/a:/b:bad', '/a:b']) {
    assert.throws(() => planMounts([bad], []), invalid, bad);
  }
  assert.throws(() => planMounts(['/a:/c', '/b:/c'], []), invalid);
});

test('a security option that would not be heeded is refused by name', () => {
  checkSecurityOptions(['no-new-privileges', 'no-new-privileges=false', 'seccomp=unconfined', 'apparmor=unconfined']);
  for (const option of ['apparmor=docker-default', 'label=type:x', 'systempaths=unconfined', 'seccomp=', 'x']) {
    assert.throws(
      () => checkSecurityOptions([option]),
      (error) => Fault.is(error, 'unsupported') && error.message.includes(option),
      option,
    );
  }
});

test('what varve mounts into a container never shows up in its changes', () => {
  assert.deepEqual(kept(['a', 'a/b', 'etc', 'etc/hosts', 'x']), ['x']);
  assert.deepEqual(kept(['a', 'a/b', 'a/b/c', 'etc', 'etc/hosts']), ['a', 'a/b', 'a/b/c']);
  assert.deepEqual(kept(['etc', 'etc/hosts', 'etc/own']), ['etc', 'etc/own']);
  assert.deepEqual(kept(['etc', 'etc/hosts'], ['etc']), ['etc']);
});

function stubAt(path: string): MountStub {
  return { path: bytesOf(path), kind: 'dir', ino: '1' };
}

function changeOf(path: string): TreeChange {
  return { kind: 'changed', path: bytesOf(`/${path}`) };
}

/** What a filter leaves of changes at `paths`, where the directories `changed` are changed themselves. */
function kept(paths: readonly string[], changed: readonly string[] = []): readonly string[] {
  const stubs = ['etc/hosts', 'a', 'a/b', 'own'].map(stubAt);
  const filter = new StubFilter(stubs, (path) => changed.includes(path));
  return filter.changes(paths.map(changeOf)).map(({ path }) => path.slice(1));
}

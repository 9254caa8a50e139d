import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { Platform } from './platform.ts';
import { choosePlatform, formatPlatform, parsePlatform, platformOfNode, samePlatform } from './platform.ts';

const host: Platform = { os: 'linux', architecture: 'amd64' };

const written: readonly (readonly [string, string])[] = [
  ['linux/arm64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['armel', 'linux/arm/v6'],
  ['armhf', 'linux/arm/v7'],
  ['Aarch64', 'linux/arm64'],
  ['Linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['i386', 'linux/386'],
  ['s390x', 'linux/s390x'],
  ['linux', 'linux/amd64'],
  ['macOS', 'darwin/amd64'],
  ['other/machine', 'other/machine'],
];

for (const [text, platform] of written) {
  test(`${text} is ${platform}`, () => {
    assert.equal(formatPlatform(parsePlatform(text, host)), platform);
    assert.ok(samePlatform(parsePlatform(platform, host), parsePlatform(text, host)));
  });
}

for (const text of ['', '/linux/arm', 'linux/arm/', 'linux /arm', 'linux/&arm', 'linux/arm/foo/bar', 'nothing', '*']) {
  test(`${JSON.stringify(text)} is no platform`, () => {
    assert.throws(
      () => parsePlatform(text, host),
      (error) => Fault.is(error, 'invalid'),
    );
  });
}

test("a machine's platform has Go's names", () => {
  assert.deepEqual(platformOfNode('linux', 'x64'), { os: 'linux', architecture: 'amd64' });
  assert.equal(formatPlatform(platformOfNode('linux', 'arm')), 'linux/arm/v7');
  assert.equal(formatPlatform(platformOfNode('linux', 'ppc64')), 'linux/ppc64le');
});

test('of several manifests the best suited is chosen', () => {
  assert.equal(choice('linux/amd64', 'linux/386', 'linux/amd64'), 'linux/amd64');
  assert.equal(choice('linux/amd64', 'linux/arm64', 'linux/386'), 'linux/386');
  assert.equal(choice('linux/amd64/v3', 'linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'), 'linux/amd64/v2');
  assert.equal(choice('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6'), 'linux/arm/v6');
  assert.equal(choice('linux/arm64/v9', 'linux/arm/v7', 'linux/arm64/v8'), 'linux/arm64');
  assert.equal(choice('linux/arm64', 'linux/arm/v7'), 'linux/arm/v7');
  assert.equal(choice('linux/arm/v6', 'linux/arm/v7'), undefined);
  assert.equal(choice('linux/amd64', 'windows/amd64', 'unknown/unknown'), undefined);
});

test('a manifest that does not say what it is for is the last resort', () => {
  const plain: { readonly platform?: Platform } = {};
  assert.equal(choosePlatform([plain, { platform: host }], host)?.platform, host);
  assert.equal(choosePlatform([{ platform: { os: 'unknown', architecture: 'unknown' } }, plain], host), plain);
});

function choice(wanted: string, ...offered: readonly string[]): string | undefined {
  const chosen = choosePlatform(offered.map(asManifest), parsePlatform(wanted, host));
  return chosen && formatPlatform(chosen.platform);
}

function asManifest(text: string): { readonly platform: Platform } {
  return { platform: parsePlatform(text, host) };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, type FaultCode } from '../../errors/index.ts';
import type { ImageStore, StoredImage } from '../../image/index.ts';
import { digestOf, formatPlatform, samePlatform, type Platform } from '../../oci/index.ts';
import { BaseImages } from './base-images.ts';

const amd64: Platform = { os: 'linux', architecture: 'amd64' };
const arm64: Platform = { os: 'linux', architecture: 'arm64' };

test('an image that is here for another platform, and whose pull fails: both are said', async () => {
  const { bases } = basesWith([amd64], 'unavailable');
  await assert.rejects(bases.find('app', arm64), {
    code: 'unavailable',
    message: 'app is here for linux/amd64 only, and is not to be had for linux/arm64: pull app: it failed',
    hint: 'what is here is used with --platform linux/amd64',
  });
});

test('a build that was stopped while it pulled says no more than that', async () => {
  const { bases } = basesWith([amd64], 'cancelled');
  await assert.rejects(bases.find('app', arm64), { message: 'pull app: it failed' });
});

test('where --pull fails, what is here for the platform is no part of the failure', async () => {
  const { bases } = basesWith([amd64], 'unavailable', { alwaysPull: true });
  await assert.rejects(bases.find('app', amd64), { message: 'pull app: it failed' });
});

test('an image that no registry has is used for another platform too, which is told', async () => {
  const { bases, told } = basesWith([amd64], 'not-found');
  assert.equal((await bases.find('app', arm64)).config.architecture, 'amd64');
  assert.deepEqual(told, ['app: linux/arm64, linux/amd64']);
});

test('of an index that is here the member for the platform is used, and nothing is pulled', async () => {
  const { bases, told } = basesWith([amd64, arm64], 'unavailable');
  assert.equal((await bases.find('app', arm64)).config.architecture, 'arm64');
  assert.deepEqual(told, []);
});

/** `app` is here for these platforms, and a pull of it fails with this. */
function basesWith(
  platforms: readonly Platform[],
  code: FaultCode,
  { alwaysPull = false } = {},
): { readonly bases: BaseImages; readonly told: readonly string[] } {
  const told: string[] = [];
  const find: ImageStore['find'] = (_name, { platform = amd64 } = {}) => {
    const found = platforms.find((each) => samePlatform(each, platform));
    return found && imageFor(found);
  };
  const bases = new BaseImages({
    images: { find },
    holder: { add: () => undefined },
    alwaysPull,
    pull: () => Promise.reject(new Fault(code, 'pull app: it failed')),
    onOtherPlatform: (name, expected, found) =>
      told.push(`${name}: ${formatPlatform(expected)}, ${formatPlatform(found)}`),
  });
  return { bases, told };
}

function imageFor({ os, architecture }: Platform): StoredImage {
  const digest = digestOf(Buffer.from('app'));
  const image = { imageId: digest, manifestDigest: digest, names: ['app'], chain: [], config: { os, architecture } };
  return image as unknown as StoredImage;
}

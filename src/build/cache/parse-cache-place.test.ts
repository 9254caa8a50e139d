import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheFrom, parseCacheTo } from './parse-cache-place.ts';

const reference = { registry: 'docker.io', repository: 'user/app', tag: 'cache' };
const gzip = { kind: 'gzip', level: undefined, isForced: false };

test('a name alone is a cache in a registry', () => {
  assert.deepEqual(parseCacheFrom('user/app:cache'), { kind: 'registry', reference });
  assert.deepEqual(parseCacheTo('user/app:cache'), {
    kind: 'place',
    place: { kind: 'registry', reference },
    mode: 'min',
    ignoresErrors: false,
    compression: gzip,
  });
});

test('each type has its attributes', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  assert.deepEqual(parseCacheFrom(`type=local,src=/a b,digest=${digest}`), {
    kind: 'local',
    folder: '/a b',
    tag: 'latest',
    digest,
  });
  assert.deepEqual(
    parseCacheTo('type=local,dest=d,tag=t,mode=max,ignore-error=1,compression=zstd,compression-level=9'),
    {
      kind: 'place',
      place: { kind: 'local', folder: 'd', tag: 't', digest: undefined },
      mode: 'max',
      ignoresErrors: true,
      compression: { kind: 'zstd', level: 9, isForced: false },
    },
  );
  const spelled = parseCacheTo('type=local,dest=d,image-manifest=true,oci-mediatypes=true');
  assert.deepEqual(spelled, parseCacheTo('type=local,dest=d'));
  assert.deepEqual(parseCacheTo('type=inline'), { kind: 'inline' });
});

test('what cannot be meant is refused', () => {
  for (const text of [
    '',
    'type=',
    'type=registry',
    'ref=x',
    'type=local,dest=',
    'type=inline,mode=max',
    'type=local,src=x',
  ]) {
    assert.throws(() => parseCacheTo(text), { code: 'invalid' }, text);
  }
  assert.throws(() => parseCacheTo('type=local,dest=x,compression-level=10'), /from 0 to 9/);
  assert.throws(() => parseCacheTo('type=local,dest=x,image-manifest=false'), /image-manifest=false is not supported/);
  assert.throws(() => parseCacheTo('type=registry,ref=x,oci-mediatypes=0'), /oci-mediatypes=false is not supported/);
  assert.throws(() => parseCacheTo('type=gha'), /there is no cache in GitHub.*known are registry, local, inline/);
  assert.throws(() => parseCacheFrom('type=azblob,name=x'), /there is no cache in Azure.*known are registry, local/);
  assert.throws(() => parseCacheFrom('type=inline'), /known are registry, local/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { scriptedServer, send } from '../http/scripted-server.fixture.ts';
import { craftTar } from '../image/crafted-image.fixture.ts';
import { digestOf } from '../oci/index.ts';
import { testStore } from './test-store.fixture.ts';

const tar = craftTar({ 'etc/': '', 'etc/hostname': 'here\n' });
const options = { changes: ['CMD ["sh"]'], name: 'base:1', signal: new AbortController().signal };

test('a root filesystem is imported from a URL; its history names it without a password', async () => {
  await using at = await testStore();
  await using server = await scriptedServer(({ line }, response) =>
    line.includes('root.tar.gz') ? send(response, 200, gzipSync(tar)) : send(response, 404),
  );
  const { images } = at.engine;
  await images.importTar(new URL(`http://me:geheim@${server.host}/root.tar.gz?signature=x`), options);
  assert.deepEqual(at.store.images.find('base:1')?.chain, [digestOf(tar)]);
  assert.equal(images.history('base:1')[0]?.comment, `Imported from http://${server.host}/root.tar.gz`);
  const missing = new URL(`http://${server.host}/none.tar`);
  await assert.rejects(images.importTar(missing, options), (error) => Fault.is(error, 'not-found'));
});

/** Registries that are not there, or do not do what they should: a clear Fault, nothing half-written, the next pull works. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { craftImage, craftTar, type CraftedImage } from '../src/image/crafted-image.fixture.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { refuse, send, type ScriptedServer } from '../src/http/scripted-server.fixture.ts';
import { scriptedRegistry, type RegistryQuestion } from './image-registries.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot;

/** An image that no other test has, so that all can share a store: a small layer and one of noise. */
function freshImage(): CraftedImage {
  return craftImage([{ files: { 'etc/motd': 'hello\n' } }, { files: { data: randomBytes(200_000) } }]);
}

interface Defect {
  readonly title: string;
  readonly misbehave: (question: RegistryQuestion, response: ServerResponse, image: CraftedImage) => boolean;
  readonly says: RegExp;
}

const defects: readonly Defect[] = [
  {
    title: 'answers 500 to everything',
    misbehave: (_, response) => refused(response, 500, 'UNKNOWN', 'the disk is on fire'),
    says: /status 500 \(the disk is on fire\)[^]*try again later/,
  },
  {
    title: 'answers 500 where a layer should be',
    misbehave: (question, response, image) => isLayer(question, image) && refused(response, 500, 'UNKNOWN', 'no'),
    says: /blob sha256:\w+: the registry answered with status 500/,
  },
  {
    title: 'wants to know who asks',
    misbehave: (_, response) => refused(response, 401, 'UNAUTHORIZED', 'who are you?'),
    says: /manifest 1: .* wants to know who asks/,
  },
  {
    title: 'denies access',
    misbehave: (_, response) => refused(response, 403, 'DENIED', 'not for you'),
    says: /access denied \(not for you\)/,
  },
  {
    title: 'truncates a layer, whenever it is asked',
    misbehave: (question, response, image) => {
      if (!isLayer(question, image)) return false;
      response.writeHead(200, { 'content-length': String(question.bytes?.length) });
      response.write(question.bytes?.subarray(0, 1000), () => response.destroy());
      return true;
    },
    says: /blob sha256:\w+.*(cut|sent)/,
  },
  {
    title: 'ends a layer early without a word',
    misbehave: (question, response, image) => {
      if (!isLayer(question, image)) return false;
      send(response, 200, question.bytes?.subarray(0, 1000));
      return true;
    },
    says: /only 1000 of its \d+ bytes were sent/,
  },
  {
    title: 'sends a layer with the wrong digest',
    misbehave: (question, response, image) => {
      if (!isLayer(question, image)) return false;
      send(response, 200, randomBytes(question.bytes?.length ?? 0));
      return true;
    },
    says: /layer sha256:\w+/,
  },
  {
    title: 'sends a layer with one byte changed at its end',
    misbehave: (question, response, image) => {
      if (!isLayer(question, image)) return false;
      const bytes = Buffer.from(question.bytes ?? '');
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 1, bytes.length - 5);
      send(response, 200, bytes);
      return true;
    },
    says: /layer sha256:\w+/,
  },
  {
    title: 'sends a config with the wrong digest',
    misbehave: ({ reference, bytes }, response, image) => {
      if (reference !== image.imageId) return false;
      send(response, 200, String(bytes).replace('amd64', 'arm64'));
      return true;
    },
    says: /blob sha256:\w+ of \d+ bytes: what was sent is sha256:/,
  },
  {
    title: 'sends a manifest that is not the one of its digest',
    misbehave: ({ kind, bytes }, response, image) => {
      if (kind !== 'manifest') return false;
      send(response, 200, `${String(bytes)} `, {
        'content-type': image.descriptor.mediaType,
        'docker-content-digest': image.descriptor.digest,
      });
      return true;
    },
    says: /manifest 1: what was sent is sha256:/,
  },
  {
    title: 'sends a page of HTML instead of a manifest',
    misbehave: ({ kind }, response) => {
      if (kind !== 'manifest') return false;
      send(response, 200, '<html>welcome to the hotel</html>', { 'content-type': 'text/html' });
      return true;
    },
    says: /manifest 1: /,
  },
  {
    title: 'redirects in circles',
    misbehave: (_, response) => {
      send(response, 307, '', { location: '/v2/app/manifests/1' });
      return true;
    },
    says: /redirects more than/,
  },
];

test('a registry that misbehaves', { skip }, async (t) => {
  await using store = new TestStore();
  for (const [number, { title, misbehave, says }] of defects.entries()) {
    await t.test(title, async () => {
      const image = freshImage();
      let isSick = true;
      await using registry = await scriptedRegistry(
        image,
        (question, response) => isSick && misbehave(question, response, image),
      );
      const name = `${registry.host}/app-${number}:1`;
      assertRefused(await store.run(['pull', name]), says);
      await store.ok(['check']);
      isSick = false;
      await store.ok(['pull', name]);
      const names = (await store.ok(['images', '--no-trunc', '--format', '{{.Repository}} {{.ID}}'])).stdout;
      assert.match(names, new RegExp(`/app-${number} ${image.imageId}$`, 'm'));
      assert.equal(names.trim().split('\n').length, number + 1);
      assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
    });
  }
});

test('a registry that cuts each connection now and then is read to the end', { skip }, async () => {
  await using store = new TestStore();
  const image = freshImage();
  await using registry = await scriptedRegistry(image, (question, response, count) => {
    if (!isLayer(question, image) || count > 2) return false;
    const bytes = question.bytes ?? Buffer.alloc(0);
    const start = count === 1 ? 0 : 70_000;
    response.writeHead(start === 0 ? 200 : 206, {
      'content-length': String(bytes.length - start),
      'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    });
    response.write(bytes.subarray(start, start + 70_000), () => setTimeout(() => response.destroy(), 50));
    return true;
  });
  await store.ok(['pull', `${registry.host}/app:1`]);
  assert.deepEqual(rangesOf(registry, image), [undefined, 'bytes=70000-', 'bytes=140000-']);
});

test('a registry that is down', { skip }, async () => {
  await using store = new TestStore();
  const host = await deadHost();
  assertRefused(await store.run(['pull', `${host}/app:1`]), /ECONNREFUSED[^]*nothing listens there/);
  await assertNothingHalfWritten(store);
});

test('a pull of something that does not exist', { skip: skip === false ? dockerRegistryMissing : skip }, async () => {
  await using store = new TestStore();
  await using registry = await startDockerRegistry();
  for (const name of ['nothing', 'nothing:1', `nothing@${freshImage().descriptor.digest}`]) {
    assertRefused(await store.run(['pull', `${registry.host}/${name}`]), /nothing: manifest [^ ]+: not found/);
  }
  assertRefused(await store.run(['pull', 'NOT A NAME']), /NOT A NAME/);
  await assertNothingHalfWritten(store);
});

test('a layer that inflates out of all proportion is refused', { skip }, async () => {
  await using store = new TestStore();
  const tar = Buffer.concat([craftTar({ 'a-file': 'x' }), Buffer.alloc(256 << 20)]);
  await using registry = await scriptedRegistry(craftImage([{ tar, packing: 'zstd' }]), () => false);
  assertRefused(await store.run(['pull', `${registry.host}/bomb:1`]), /over the allowed \d+ to 1/);
  await assertNothingHalfWritten(store);
});

test('names in a layer that point out of the root stay inside it', { skip }, async () => {
  await using store = new TestStore();
  const outside = join(store.folder, 'outside');
  const climbing = `${'../'.repeat(12)}${outside.slice(1)}`;
  const files = { [climbing]: 'climbed', [`${outside}-absolute`]: 'absolute', 'etc/ok': 'ok' };
  await using registry = await scriptedRegistry(craftImage([{ files }]), () => false);
  await store.ok(['pull', `${registry.host}/hostile:1`]);
  assert.deepEqual(readdirSync(store.folder).toSorted(), ['run', 'store']);
  const tree = (await store.ok(['layers', '--tree', `${registry.host}/hostile:1`, '1'])).stdout;
  assert.match(tree, new RegExp(`^A ${outside.slice(1)}$`, 'm'));
  assert.match(tree, new RegExp(`^A ${outside.slice(1)}-absolute$`, 'm'));
});

function isLayer({ reference }: RegistryQuestion, image: CraftedImage): boolean {
  return reference === image.layers[1]?.digest;
}

function refused(response: ServerResponse, status: number, code: string, message: string): true {
  refuse(response, status, code, message);
  return true;
}

function assertRefused(ended: Ended, says: RegExp): void {
  assert.ok(ended.code !== 0 && ended.code !== null, `ended with ${ended.code}: ${ended.stdout}`);
  assert.match(ended.stderr, says);
  assert.doesNotMatch(ended.stderr, /internal:|\n\s+at /);
}

async function assertNothingHalfWritten(store: TestStore): Promise<void> {
  assert.equal((await store.ok(['images', '-aq'])).stdout, '');
  await store.ok(['check']);
}

function rangesOf({ requests }: ScriptedServer, image: CraftedImage): readonly (string | undefined)[] {
  const asked = requests.filter(({ line }) => line.endsWith(`/blobs/${image.layers[1]?.digest}`));
  return asked.map(({ headers }) => headers.range);
}

/** A port on which nobody listens any more. */
async function deadHost(): Promise<string> {
  await using registry = await scriptedRegistry(freshImage(), () => false);
  return registry.host;
}

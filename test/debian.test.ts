/** Real input: a Debian base from a registry, packages installed in a build, a program compiled and run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { debianBase } from './debian-base.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

const run = promisify(execFile);
const tools = ['/usr/bin/mmdebstrap', '/usr/bin/umoci'];
const missing = tools.find((path) => !existsSync(path));
const skip = needsRoot !== false ? needsRoot : missing === undefined ? dockerRegistryMissing : `${missing} is missing`;

test('Debian from a registry: install a compiler, compile, run; what is known is reused', { skip }, async (t) => {
  const base = await debianBase();
  if ('unreachable' in base) return t.skip(base.unreachable);
  await using registry = await startDockerRegistry();
  await using store = new TestStore();
  const layout = join(store.folder, 'layout');
  await run('umoci', ['init', '--layout', layout]);
  await run('umoci', ['new', '--image', `${layout}:debian`]);
  await run('umoci', ['raw', 'add-layer', '--image', `${layout}:debian`, base.tar]);
  await registry.push(`oci:${layout}:debian`, 'debian:test');
  const name = `${registry.host}/debian:test`;
  await store.ok(['pull', name]);
  const install = 'RUN apt-get update && apt-get install -y gcc libc6-dev';
  const compile = 'RUN gcc -Wall -o /usr/local/bin/hello /src/hello.c';
  const dockerfile = [`FROM ${name}`, install, 'COPY hello.c /src/', compile, 'CMD ["hello"]', ''].join('\n');
  const context = store.context('hello', { Dockerfile: dockerfile, 'hello.c': helloIn('varve') });

  await t.test('the first build runs everything', async () => {
    const built = await store.build(context, '-t', 'hello');
    assert.equal(built.code, 0, built.stderr);
    assert.equal(cachedCount(built), 0);
    assert.equal((await store.ok(['run', '--rm', 'hello'])).stdout, 'hello from varve\n');
  });

  await t.test('the second runs nothing', async () => {
    const again = await store.build(context, '-t', 'hello');
    assert.equal(cachedCount(again), 3, again.stderr);
  });

  await t.test('a changed source reruns its COPY and what follows, and says why', async () => {
    store.context('hello', { 'hello.c': helloIn('elsewhere') });
    const changed = await store.build(context, '-t', 'hello');
    assert.equal(changed.code, 0, changed.stderr);
    assert.equal(cachedCount(changed), 1, changed.stderr);
    assert.match(changed.stderr, /not reused: .*hello\.c.*content/);
    assert.equal((await store.ok(['run', '--rm', 'hello'])).stdout, 'hello from elsewhere\n');
  });

  await t.test('the container is the Debian that dpkg says it is', async () => {
    const verified = await store.ok(['run', '--rm', 'hello', 'dpkg', '--verify', 'gcc-12', 'libc6', 'base-files']);
    assert.equal(verified.stdout, '');
    const rows = (await store.ok(['layers', '--format', '{{.Instruction}}', 'hello'])).stdout.trim().split('\n');
    assert.equal(rows.length, 4);
  });
});

test(
  'a hundred runs that write and delete leave every layer byte for byte as it was',
  { skip: needsRoot },
  async () => {
    await using store = new TestStore();
    await store.busybox();
    const context = store.context('c', { Dockerfile: 'FROM busybox:local\nRUN mkdir -p /a/b && echo 1 > /a/b/file\n' });
    await store.ok(['build', '-q', '-t', 'app', context]);
    const before = hashesOf(store);
    const script =
      'echo changed > /a/b/file; rm -rf /a/b /etc/passwd; mkdir -p /a/b; chmod 700 /bin; echo $$ > /bin/new';
    for (let done = 0; done < 100; done += 4) {
      const runs = Array.from({ length: 4 }, () => store.ok(['run', '--rm', 'app', 'sh', '-c', script]));
      await Promise.all(runs);
    }
    assert.deepEqual(hashesOf(store), before);
    for (const [name, hash] of before) if (name.endsWith('.tar')) assert.equal(name, `${hash}.tar`);
    assert.equal((await store.ok(['run', '--rm', 'app', 'cat', '/a/b/file'])).stdout, '1\n');
  },
);

function helloIn(place: string): string {
  return `#include <stdio.h>\nint main(void) { puts("hello from ${place}"); return 0; }\n`;
}

function cachedCount({ stderr }: Ended): number {
  return stderr.match(/^#\d+ CACHED$/gm)?.length ?? 0;
}

function hashesOf({ root }: TestStore): ReadonlyMap<string, string> {
  const folder = join(root, 'layers/sha256');
  const hash = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return new Map(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, hash(name)]),
  );
}

/** Build arguments that speak to the builder rather than to the Dockerfile: `BUILDKIT_…`, as BuildKit has them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsRoot, TestStore } from './test-store.ts';

interface OciIndex {
  readonly manifests: readonly { readonly mediaType: string }[];
}

describe('build arguments for the builder', { skip: needsRoot }, () => {
  const store = new TestStore();
  before(() => store.busybox());
  after(() => store[Symbol.asyncDispose]());

  test('BUILDKIT_SANDBOX_HOSTNAME: what RUN sees, and part of its key', async () => {
    const script = 'test "$(hostname)" = "$0" && grep -q "$0" /etc/hosts && cat /etc/hostname';
    const Dockerfile = (name: string): string =>
      `FROM busybox:local\nRUN hostname > /name\nRUN ["sh", "-c", ${JSON.stringify(script)}, "${name}"]\n`;
    await store.ok(['build', '-q', store.context('host', { Dockerfile: Dockerfile('varve-build') })]);
    const named = store.context('host', { Dockerfile: Dockerfile('my-host') });
    const args = ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=my-host'];
    const first = await store.ok(['build', '--progress=plain', ...args, named]);
    assert.match(first.stderr, /not reused: .*hostname/);
    const again = await store.ok(['build', '--progress=plain', ...args, named]);
    assert.equal(again.stderr.match(/CACHED/g)?.length, 2);
  });

  test('BUILDKIT_CACHE_MOUNT_NS: caches of the same id are apart', async () => {
    const Dockerfile = 'FROM busybox:local\nRUN --mount=type=cache,id=deps,target=/c test ! -e /c/x && touch /c/x\n';
    const context = store.context('caches', { Dockerfile });
    await store.ok(['build', '-q', context]);
    for (const name of ['one', 'two']) {
      await store.ok(['build', '-q', '--build-arg', `BUILDKIT_CACHE_MOUNT_NS=${name}`, context]);
    }
    const { stdout } = await store.ok(['cache', 'mounts', 'ls']);
    for (const id of ['deps', 'one/deps', 'two/deps']) assert.match(stdout, new RegExp(`(^|\\s)${id}\\s`, 'm'));
  });

  test('BUILDKIT_MULTI_PLATFORM: an index, even for one platform', async () => {
    const context = store.context('index', { Dockerfile: 'FROM busybox:local\nLABEL of=index\n' });
    const out = join(store.folder, 'index.tar');
    const arg = ['--build-arg', 'BUILDKIT_MULTI_PLATFORM=1'];
    await store.ok(['build', '-q', '-o', `type=oci,dest=${out}`, ...arg, context]);
    const index = JSON.parse(execFileSync('tar', ['-xOf', out, 'index.json'], { encoding: 'utf8' })) as OciIndex;
    assert.deepEqual(
      index.manifests.map(({ mediaType }) => mediaType),
      ['application/vnd.oci.image.index.v1+json'],
    );
  });

  test('BUILDKIT_INLINE_CACHE=1 is no variable, others are for whoever knows them, a wrong value is an error', async () => {
    const context = store.context('others', { Dockerfile: 'FROM busybox:local\n' });
    const args = ['BUILDKIT_INLINE_CACHE=1', 'BUILDKIT_WHATEVER=x', 'BUILDKIT_SYNTAX=nobody/knows', 'OTHER=1'];
    const { stderr } = await store.ok([
      'build',
      '--progress=plain',
      ...args.flatMap((each) => ['--build-arg', each]),
      context,
    ]);
    assert.doesNotMatch(stderr, /INLINE_CACHE/);
    assert.match(stderr, /build-args \[OTHER\] were not consumed/);
    for (const wrong of ['BUILDKIT_MULTI_PLATFORM=often', 'BUILDKIT_SANDBOX_HOSTNAME=a b']) {
      const refused = await store.build(
        store.context('wrong', { Dockerfile: 'FROM busybox:local\nRUN true\n' }),
        '--build-arg',
        wrong,
      );
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`build argument ${wrong.split('=')[0]}: ".*" is no value for it`));
    }
  });
});

/** Images for other architectures, and for several at once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Arm64Emulation } from './binfmt.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { arm64Program } from './foreign-program.ts';
import { needsRoot, TestStore } from './test-store.ts';

const skip = needsRoot;

const copyOnly = `FROM --platform=$BUILDPLATFORM busybox:local AS build
ARG TARGETPLATFORM TARGETARCH BUILDPLATFORM
RUN echo "$BUILDPLATFORM makes $TARGETPLATFORM" > /made-$TARGETARCH
FROM scratch
ARG TARGETARCH
COPY --from=build /made-$TARGETARCH /made
LABEL arch=$TARGETARCH
`;

test('--platform with several: one index, stages of COPY alone need no emulation', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  const context = store.context('c', { Dockerfile: copyOnly });
  const archive = join(store.folder, 'both.tar');
  const args = ['--platform', 'linux/amd64,linux/arm64', '-t', 'both', '--output', `type=oci,dest=${archive}`];
  const { code, stderr } = await store.build(context, ...args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /\[linux\/amd64->arm64 build 2\/2\] RUN/);
  const index = JSON.parse(skopeo(['inspect', '--raw', `oci-archive:${archive}`])) as {
    readonly manifests: readonly { readonly platform: { readonly architecture: string } }[];
  };
  assert.deepEqual(
    index.manifests.map(({ platform }) => platform.architecture),
    ['amd64', 'arm64'],
  );
  for (const arch of ['amd64', 'arm64']) {
    const config = JSON.parse(skopeo(['inspect', '--config', '--override-arch', arch, `oci-archive:${archive}`])) as {
      readonly architecture: string;
      readonly config: { readonly Labels: Readonly<Record<string, string>> };
    };
    assert.deepEqual([config.architecture, config.config.Labels['arch']], [arch, arch]);
  }
});

test(
  'an image for several platforms is kept under its name; the one for this machine is what runs',
  { skip },
  async () => {
    await using store = new TestStore();
    await store.busybox();
    const Dockerfile =
      'FROM --platform=$BUILDPLATFORM busybox:local AS tools\nFROM scratch\nARG TARGETARCH\nCOPY --from=tools / /\nCOPY $TARGETARCH /arch\n';
    const context = store.context('c', { Dockerfile, amd64: 'amd64', arm64: 'arm64' });
    await store.ok(['build', '-q', '--platform', 'linux/arm64', '--platform', 'linux/amd64', '-t', 'both', context]);
    const own = process.arch === 'x64' ? 'amd64' : 'arm64';
    assert.equal((await store.ok(['run', '--rm', 'both', 'cat', '/arch'])).stdout, own);
  },
);

test('a program for another architecture runs through the emulator that is registered', { skip }, async (t) => {
  if (process.arch !== 'x64') return t.skip('needs a machine of amd64');
  await using store = new TestStore();
  const Dockerfile = 'FROM scratch\nCOPY --chmod=755 hello /hello\nRUN ["/hello"]\n';
  const context = store.context('c', { Dockerfile, hello: arm64Program('hello from arm64\n') });
  const build = (...args: string[]): ReturnType<TestStore['build']> =>
    store.build(context, '--platform', 'linux/arm64', ...args);
  {
    using emulation = Arm64Emulation.start();
    if (emulation === undefined) return t.skip('binfmt_misc cannot be registered here');
    const { code, stderr } = await build('-t', 'hello');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /hello from arm64/);
  }
  const { stdout } = await store.ok(['inspect', '--format', '{{.Os}}/{{.Architecture}}', 'hello']);
  assert.equal(stdout, 'linux/arm64\n');
});

test('where no emulator is registered, the RUN that needs one is named, with the package', { skip }, async (t) => {
  if (process.arch !== 'x64') return t.skip('needs a machine of amd64');
  if (existsSync('/proc/sys/fs/binfmt_misc/qemu-aarch64')) return t.skip('an emulator is registered here');
  await using store = new TestStore();
  const Dockerfile = 'FROM scratch\nCOPY --chmod=755 hello /hello\nRUN ["/hello"]\n';
  const context = store.context('c', { Dockerfile, hello: arm64Program('hello from arm64\n') });
  const { code, stderr } = await store.build(context, '--platform', 'linux/arm64');
  assert.equal(code, 1);
  assert.match(stderr, /linux\/arm64/);
  assert.match(stderr, /qemu-user-static/);
  assert.match(stderr, /Dockerfile:3/);
});

const needsRegistry = skip || (dockerRegistryMissing && 'needs docker-registry');

test('FROM for another platform than the only image: it is used, with a warning', { skip: needsRegistry }, async () => {
  await using registry = await startDockerRegistry();
  await using store = new TestStore();
  await store.busybox();
  const archive = join(store.folder, 'busybox.tar');
  await store.ok(['save', '-o', archive, 'busybox:local']);
  await registry.push(`oci-archive:${archive}`, 'busybox:1');
  const Dockerfile = `FROM --platform=linux/s390x ${registry.host}/busybox:1\nLABEL a=b\n`;
  const { code, stderr } = await store.build(store.context('c', { Dockerfile }), '-t', 'other');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /WARNING: .*busybox:1.*linux\/amd64.*linux\/s390x/);
});

test('a platform that is none is refused with its line', { skip }, async () => {
  await using store = new TestStore();
  const Dockerfile = 'ARG P=linux/\nFROM --platform=$P scratch\nCOPY Dockerfile /\n';
  const { code, stderr } = await store.build(store.context('c', { Dockerfile }));
  assert.equal(code, 1);
  assert.match(stderr, /failed to parse platform linux\//);
  assert.match(stderr, /Dockerfile:2/);
  const flag = await store.build(store.context('c', { Dockerfile }), '--platform', 'a/b/c/d');
  assert.match(flag.stderr, /parse platform "a\/b\/c\/d"/);
});

function skopeo(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('skopeo', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

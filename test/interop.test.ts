/** Images that varve made, in the hands of other tools; images of other tools, through varve and back. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Compile } from 'typebox/schema';
import { walkMounted, type Seen } from '../src/erofs/mounted-tree.fixture.ts';
import { craftImage } from '../src/image/crafted-image.fixture.ts';
import { dockerRegistryMissing, startDockerRegistry } from '../src/registry/docker-registry.fixture.ts';
import { loadSchema } from '../src/runtime/spec-schema.fixture.ts';
import { makeRichTree, setFineTimes } from '../src/tar/tree.fixture.ts';
import { watchedRegistry } from './image-registries.ts';
import { needsRoot, program, TestStore } from './test-store.ts';

const run = promisify(execFile);
const schemas = join(import.meta.dirname, '../../shared/data/oci-schemas');
const skip = needsRoot !== false ? needsRoot : dockerRegistryMissing;
const umociMissing = existsSync('/usr/bin/umoci') ? skip : 'umoci is not installed';

test('a built image: saved, read by skopeo, pushed, pulled back', { skip }, async (t) => {
  await using store = new TestStore();
  await using registry = await startDockerRegistry();
  await builtImage(store);
  const archive = join(store.folder, 'app.tar');
  await store.ok(['save', '--format', 'oci', '-o', archive, 'app:1']);
  const { stdout: id } = await store.ok(['inspect', '--format', '{{.Id}}', 'app:1']);

  await t.test('the archive on stdout is the same, each time', async () => {
    const { status, stdout } = spawnSync('sh', ['-c', '"$0" save --format oci app:1 | sha256sum', program], {
      env: { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot },
      encoding: 'utf8',
    });
    assert.equal(status, 0);
    assert.equal(stdout.split(' ')[0], (await run('sha256sum', [archive])).stdout.split(' ')[0]);
  });

  await t.test('skopeo inspect reads its config and layers', async () => {
    const { stdout } = await run('skopeo', ['inspect', `oci-archive:${archive}`]);
    const seen = JSON.parse(stdout) as { Layers: string[]; Labels: Record<string, string>; Architecture: string };
    const [inspected] = JSON.parse((await store.ok(['inspect', 'app:1'])).stdout) as [
      { RootFS: { Layers: string[] }; Architecture: string },
    ];
    assert.deepEqual(seen.Layers, inspected.RootFS.Layers);
    assert.deepEqual(seen.Labels, { about: 'interoperation' });
    assert.equal(seen.Architecture, inspected.Architecture);
  });

  await t.test('pushed by skopeo and pulled by another store it is the same image', async () => {
    await registry.push(`oci-archive:${archive}`, 'app:1');
    await using other = new TestStore();
    await other.ok(['pull', '-q', `${registry.host}/app:1`]);
    assert.equal((await other.ok(['inspect', '--format', '{{.Id}}', `${registry.host}/app:1`])).stdout, id);
    assert.equal((await other.ok(['run', '--rm', `${registry.host}/app:1`, 'cat', '/new/file'])).stdout, 'made\n');
  });

  await t.test('pulled by the store that built it, nothing but the documents is new', async () => {
    await store.ok(['pull', '-q', `${registry.host}/app:1`]);
    assert.equal((await store.ok(['inspect', '--format', '{{.Id}}', `${registry.host}/app:1`])).stdout, id);
    const again = join(store.folder, 'again.tar');
    await store.ok(['save', '-o', again, `${registry.host}/app:1`]);
    await run('skopeo', ['inspect', `oci-archive:${again}`]);
  });
});

test('a built image follows the schemas of the image specification', { skip: schemasMissing() }, async () => {
  await using store = new TestStore();
  await builtImage(store);
  const layout = await layoutOf(store, 'app:1');
  const index = checked(layout, 'index.json', 'image-index-schema.json') as Described;
  checked(layout, 'oci-layout', 'image-layout-schema.json');
  const manifest = checked(layout, blobPath(index.manifests?.[0]), 'image-manifest-schema.json') as Described;
  checked(layout, blobPath(manifest.config), 'config-schema.json');
});

test('umoci unpacks a built image to the tree that varve exports', { skip: umociMissing }, async () => {
  await using store = new TestStore();
  await builtImage(store);
  const layout = await layoutOf(store, 'app:1');
  const bundle = join(store.folder, 'bundle');
  await run('umoci', ['unpack', '--image', `${layout}:1`, bundle]);

  await store.ok(['create', '--name', 'exported', 'app:1', 'true']);
  await store.ok(['export', '-o', join(store.folder, 'tree.tar'), 'exported']);
  const exported = join(store.folder, 'exported');
  mkdirSync(exported);
  const options = ['--numeric-owner', '--same-owner', '-p', '--xattrs', '--xattrs-include=*'];
  await run('tar', ['-x', ...options, '-f', join(store.folder, 'tree.tar'), '-C', exported]);
  assertSameTree(walkMounted(join(bundle, 'rootfs')), walkMounted(exported));
});

test('a registry to varve to a registry: manifests and layers stay byte for byte', { skip }, async () => {
  await using registry = await watchedRegistry();
  await using store = new TestStore();
  const layers = (['gzip', 'zstd'] as const).map((packing) => ({ files: { [packing]: 'content' }, packing }));
  for (const image of [craftImage(layers), craftImage(layers.slice(0, 1), { family: 'docker' })]) {
    const name = `app:${image.imageId.slice(-8)}`;
    await registry.upload(image, name);
    await store.ok(['pull', '-q', `${registry.host}/${name}`]);
    const archive = join(store.folder, `${image.imageId.slice(-8)}.tar`);
    await store.ok(['save', '-o', archive, `${registry.host}/${name}`]);
    const target = `docker://${registry.registry.host}/back/${name}`;
    const copy = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--dest-tls-verify=false'];
    await run('skopeo', [...copy, `oci-archive:${archive}`, target]);
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', target]);
    assert.deepEqual(stdout, String(image.blobs.get(image.descriptor.digest)));
  }
});

test('the tar of a root filesystem is imported, plain, gzip or zstd, from a file or a pipe', { skip }, async () => {
  await using store = new TestStore();
  const tar = await richTar(store);
  await run('gzip', ['-k', tar]);
  await run('zstd', ['-q', '-k', tar]);
  const ways = [[tar], [`${tar}.gz`], [`${tar}.zst`], ['-', readFileSync(`${tar}.gz`)]] as const;
  const layers = new Set<string>();
  for (const [index, [file, stdin]] of ways.entries()) {
    const name = `imported:${index}`;
    const given = stdin === undefined ? {} : { stdin };
    const imported = await store.ok(['import', '-c', 'CMD ["sh"]', '-m', 'a tree', file, name], given);
    assert.match(imported.stdout, /^sha256:[0-9a-f]{64}\n$/);
    layers.add((await store.ok(['layers', '-q', name])).stdout);
  }
  const expected = (await run('sha256sum', [tar])).stdout.split(' ')[0];
  assert.deepEqual([...layers], [`sha256:${expected}\n`]);
  assert.equal((await store.ok(['run', '--rm', 'imported:0', 'cat', '/dir/1'])).stdout, 'a');
  for (const [file, text] of [
    [join(store.folder, 'no-such.tar'), /no such file/],
    [join(import.meta.dirname, 'interop.test.ts'), /read tar: /],
  ] as const) {
    const refused = await store.run(['import', file, 'never']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, text);
  }
});

/** `app:1`: files of all kinds, then changes and deletions in layers of their own. */
async function builtImage(store: TestStore): Promise<void> {
  await store.ok(['import', await richTar(store), 'rich:1']);
  const dockerfile = [
    'FROM rich:1',
    'LABEL about=interoperation',
    'ENV PATH=/bin',
    'RUN mkdir /new && echo made > /new/file && ln /new/file /new/hard && ln -s file /new/soft && chmod 4755 /new/file',
    'RUN rm -r /dir/empty /dir/513 && echo more >> /dir/512 && chown 12:34 /long',
    'RUN rm -r /new && mkdir /new && echo made > /new/file && mkfifo /new/pipe',
    'COPY copied /a/b/copied',
    'WORKDIR /a',
    '',
  ].join('\n');
  const context = store.context('app', { Dockerfile: dockerfile, copied: { content: 'copied', mode: 0o640 } });
  await store.ok(['build', '-q', '-t', 'app:1', context]);
}

/** A tree with names, owners, times, types and attributes of every kind, and busybox to work in it. */
async function richTar(store: TestStore): Promise<string> {
  const [tree, tar] = [join(store.folder, 'rich'), join(store.folder, 'rich.tar')];
  if (existsSync(tar)) return tar;
  mkdirSync(join(tree, 'bin'), { recursive: true });
  makeRichTree(tree);
  setFineTimes(tree);
  await run('cp', ['/usr/bin/busybox', join(tree, 'bin/busybox')]);
  await run('chroot', [tree, '/bin/busybox', '--install', '-s', '/bin']);
  await run('setfattr', ['-n', 'user.note', '-v', '0x00ff0a', join(tree, 'dir/70000')]);
  await run('setfattr', ['-n', 'security.capability', '-v', fileCapability, join(tree, 'bin/busybox')]);
  await run('tar', [
    '-c',
    '--format=pax',
    '--xattrs',
    '--xattrs-include=*',
    '--numeric-owner',
    '-f',
    tar,
    '-C',
    tree,
    '.',
  ]);
  return tar;
}

/** cap_net_raw, version 2 of the format, permitted and effective. */
const fileCapability = '0x0100000200200000000000000000000000000000';

async function layoutOf(store: TestStore, name: string): Promise<string> {
  const [archive, layout] = [join(store.folder, 'saved.tar'), join(store.folder, 'layout')];
  await store.ok(['save', '--format', 'oci', '-o', archive, name]);
  mkdirSync(layout);
  await run('tar', ['-xf', archive, '-C', layout]);
  return layout;
}

interface Described {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
}

function blobPath(descriptor: { readonly digest: string } | undefined): string {
  return `blobs/${descriptor?.digest.replace(':', '/')}`;
}

function checked(layout: string, path: string, schema: string): unknown {
  const value = JSON.parse(readFileSync(join(layout, path), 'utf8')) as unknown;
  const [valid, errors] = Compile(loadSchema(schemas, schema)).Errors(value);
  assert.ok(valid, `${path}: ${JSON.stringify(errors)}`);
  return value;
}

function schemasMissing(): string | false {
  if (needsRoot !== false) return needsRoot;
  return existsSync(schemas) ? false : 'the schemas of the image specification are not beside the repository';
}

function assertSameTree(actual: ReadonlyMap<string, Seen>, expected: ReadonlyMap<string, Seen>): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [path, seen] of expected) assert.deepEqual(comparable(actual.get(path)), comparable(seen), path);
}

/** All but the times, which umoci sets as it unpacks, and those of the root, which a layer need not name. */
function comparable(seen: Seen | undefined): unknown {
  return seen && { ...seen, mtimeNs: 0n };
}

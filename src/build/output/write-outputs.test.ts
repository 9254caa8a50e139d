import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { needsDocker, peerProgram } from '../../std/docker-peer.fixture.ts';
import { digestOf, parseReference } from '../../oci/index.ts';
import { buildMetadata } from './build-metadata.ts';
import { parseAnnotation } from './output-annotations.ts';
import { amd64, arm64, finished, outputSandbox } from './outputs.fixture.ts';
import { parseOutput } from './parse-output.ts';

const skip = process.getuid?.() !== 0 && 'needs root for devices and owners';
const noSkopeo = existsSync('/usr/bin/skopeo') ? false : 'skopeo is not installed';
const noUmoci = existsSync('/usr/bin/umoci') ? false : 'umoci is not installed';

/** One of everything that a layer can hold, with times of its own. */
const everything = `
  mkdir -p t/d t/sticky; echo hi > t/f; ln t/f t/hard; ln -s f t/sym; ln -s /etc/abs t/abs
  chmod 4755 t/f; mkfifo t/fifo; mknod t/char c 1 3; mknod t/block b 7 0
  setfattr -n user.note -v kept t/f; setfattr -n user.dir -v kept t/d
  echo z > t/owned; chown 123:456 t/owned t/d; chmod 1777 t/sticky; chmod 2750 t/d
  echo bytes > "$(printf 't/n\\377')"; dd if=/dev/zero of=t/big bs=1M count=3 status=none
  find . -exec touch -h -d '2001-02-03 04:05:06.789' {} +`;

test('a tar holds the tree as it is, the same bytes each time, and GNU tar restores it', { skip }, async () => {
  using box = outputSandbox();
  const target = finished([box.layer(everything)]);
  const files = ['a.tar', 'b.tar'].map((name) => join(box.path, name));
  await box.write(
    files.map((dest) => parseOutput(`type=tar,dest=${dest}`, amd64)),
    target,
  );
  assert.deepEqual(readFileSync(files[0] ?? ''), readFileSync(files[1] ?? ''));
  await box.write([parseOutput('-', amd64)], target);
  assert.deepEqual(Buffer.concat(box.stdout), readFileSync(files[0] ?? ''));
  const [restored, made] = [join(box.path, 'restored'), join(box.path, 'made')];
  for (const folder of [restored, made]) mkdirSync(folder);
  execFileSync('tar', ['-xpf', files[0] ?? '', '--xattrs', '--xattrs-include=*', '-C', restored]);
  execFileSync('sh', ['-eu', '-c', everything], { cwd: made });
  assert.equal(listing(restored), listing(made));
});

test('a folder gets the tree, which belongs to whoever asked', { skip }, async () => {
  using box = outputSandbox();
  const dest = join(box.path, 'out');
  await box.write([parseOutput(dest, amd64)], finished([box.layer(everything)]));
  const made = join(box.path, 'made');
  mkdirSync(made);
  execFileSync('sh', ['-eu', '-c', `${everything}\nchown -hR 0:0 .; chmod 4755 t/f; chmod 2750 t/d`], { cwd: made });
  execFileSync('sh', ['-eu', '-c', "find . -exec touch -h -d '2001-02-03 04:05:06.789' {} +"], { cwd: made });
  assert.equal(listing(dest), listing(made));
});

test('what is in the folder stays, unless it has the name of something that is written', { skip }, async () => {
  using box = outputSandbox();
  const dest = join(box.path, 'out');
  mkdirSync(join(dest, 'dir/kept'), { recursive: true });
  mkdirSync(join(dest, 'file/was-a-folder'), { recursive: true });
  writeFileSync(join(dest, 'dir/old'), 'longer than the new one');
  writeFileSync(join(dest, 'folder'), 'was a file');
  const layer = box.layer('mkdir dir folder; echo new > dir/old; echo file > file; touch folder/x');
  await box.write([parseOutput(dest, amd64)], finished([layer]));
  await box.write([parseOutput(dest, amd64)], finished([layer]));
  assert.deepEqual(readdirSync(dest, { recursive: true, encoding: 'utf8' }).toSorted(), [
    'dir',
    'dir/kept',
    'dir/old',
    'file',
    'folder',
    'folder/x',
  ]);
  assert.equal(readFileSync(join(dest, 'dir/old'), 'utf8'), 'new\n');
});

test('symlinks in the folder lead nowhere: Never outside the root', { skip }, async () => {
  using box = outputSandbox();
  const [dest, outside] = [join(box.path, 'out'), join(box.path, 'outside')];
  for (const folder of [dest, outside]) mkdirSync(folder);
  writeFileSync(join(outside, 'file'), 'untouched');
  symlinkSync(outside, join(dest, 'dir'));
  symlinkSync(join(outside, 'file'), join(dest, 'file'));
  symlinkSync('../../../../../../etc', join(dest, 'up'));
  const layer = box.layer('mkdir dir up; echo evil > dir/file; echo evil > file; echo evil > up/varve; chmod 700 dir');
  await box.write([parseOutput(dest, amd64)], finished([layer]));
  assert.deepEqual(readdirSync(outside), ['file']);
  assert.equal(readFileSync(join(outside, 'file'), 'utf8'), 'untouched');
  assert.equal(existsSync('/etc/varve/varve'), false);
  assert.equal(lstatSync(join(dest, 'dir')).isDirectory(), true);
  assert.equal(readFileSync(join(dest, 'up/varve'), 'utf8'), 'evil\n');
});

test('several platforms have a folder each', { skip }, async () => {
  using box = outputSandbox();
  const dest = join(box.path, 'out');
  const target = finished([box.layer('echo a > a')], { platforms: [amd64, { ...arm64, variant: 'v8' }] });
  const tar = join(box.path, 'x.tar');
  await box.write([parseOutput(dest, amd64), parseOutput(`type=tar,dest=${tar}`, amd64)], target);
  const expected = ['linux_amd64', 'linux_amd64/a', 'linux_arm64', 'linux_arm64/a'];
  assert.deepEqual(readdirSync(dest, { recursive: true, encoding: 'utf8' }).toSorted(), expected);
  const listed = execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(
    listed.map((name) => name.replace(/\/$/, '')),
    expected,
  );
});

test('an output that fails or is stopped leaves nothing half-written', { skip }, async () => {
  using box = outputSandbox();
  const target = finished([box.layer('echo a > a')]);
  const there = join(box.path, 'there');
  writeFileSync(there, 'before');
  for (const text of [`type=tar,dest=${there}`, `type=oci,dest=${there}`, `type=docker,dest=${there}`]) {
    const before = readdirSync(box.path);
    await assert.rejects(box.write([parseOutput(text, amd64)], target, AbortSignal.abort()));
    assert.deepEqual(readdirSync(box.path), before);
    assert.equal(readFileSync(there, 'utf8'), 'before');
  }
  const folder = join(box.path, 'folder');
  mkdirSync(folder);
  await assert.rejects(box.write([parseOutput(`type=tar,dest=${folder}`, amd64)], target), isFault('invalid'));
  await assert.rejects(box.write([parseOutput(there, amd64)], target), isFault('invalid'));
  await assert.rejects(
    box.write([parseOutput('-', amd64), parseOutput('type=oci', amd64)], target),
    isFault('invalid'),
  );
});

test('an image is stored under the names of the build and of the output', { skip }, async () => {
  using box = outputSandbox();
  const target = finished([box.layer('echo a > a')], { names: [parseReference('app:1')] });
  const [image] = await box.write([parseOutput('type=image,"name=app:1,other"', amd64)], target);
  const stored = box.images.find('other');
  assert.deepEqual(image?.names, ['docker.io/library/app:1', 'docker.io/library/other:latest']);
  assert.equal(image.imageId, stored?.imageId);
  assert.deepEqual(buildMetadata([{ label: 'stage-0', image }]), {
    'containerimage.config.digest': stored?.imageId,
    'containerimage.descriptor': image.descriptor,
    'containerimage.digest': stored?.manifestDigest,
    'image.name': 'docker.io/library/app:1,docker.io/library/other:latest',
  });
});

test('an image for several platforms is an index, with annotations where they belong', { skip }, async () => {
  using box = outputSandbox();
  const annotations = [
    'manifest[linux/arm64]:m=arm',
    'manifest,index:b=both',
    'manifest-descriptor:d=1',
    'index-descriptor:i=1',
  ].flatMap((text) => parseAnnotation(text, amd64));
  const target = finished([box.layer('echo a > a')], {
    platforms: [arm64, amd64],
    names: [parseReference('app:1')],
    annotations,
  });
  const [image] = await box.write([parseOutput('type=image', amd64)], target);
  const index = box.images.findIndex('app:1');
  assert.deepEqual(index?.index.annotations, { b: 'both' });
  assert.deepEqual(
    index?.members.map((member) => member.descriptor.annotations),
    [{ d: '1' }, { d: '1' }],
  );
  assert.deepEqual(
    index?.members.map((member) => member.image.manifest.annotations),
    [{ b: 'both', m: 'arm' }, { b: 'both' }],
  );
  assert.equal(image?.imageId, box.images.find('app:1', { platform: amd64 })?.imageId);
  assert.equal(image?.configDigest, undefined);
  assert.equal('containerimage.config.digest' in buildMetadata([{ label: 'a', image }]), false);
  assert.deepEqual(
    Object.keys(
      buildMetadata([
        { label: 'a', image },
        { label: 'b', image: undefined },
      ]),
    ),
    ['a', 'b'],
  );
});

test('annotations of an index are refused for a single platform', { skip }, async () => {
  using box = outputSandbox();
  const annotations = parseAnnotation('index:a=b', amd64);
  const target = finished([box.layer('echo a > a')], { annotations });
  await assert.rejects(box.write([parseOutput('type=image', amd64)], target), isFault('invalid'));
  assert.deepEqual(box.images.list(), []);
});

test('skopeo reads an OCI archive of two platforms, its layers packed', { skip: skip || noSkopeo }, async () => {
  using box = outputSandbox();
  const target = finished([box.layer('echo a > a')], { platforms: [arm64, amd64], names: [parseReference('app:1')] });
  for (const compression of ['gzip', 'zstd', 'uncompressed']) {
    const files = ['x.tar', 'y.tar'].map((name) => join(box.path, name));
    const [image] = await box.write(
      files.map((dest) => parseOutput(`type=oci,dest=${dest},compression=${compression}`, amd64)),
      target,
    );
    assert.deepEqual(readFileSync(files[0] ?? ''), readFileSync(files[1] ?? ''));
    const raw = skopeo('inspect', '--raw', `oci-archive:${files[0]}:1`);
    assert.equal(digestOf(Buffer.from(raw)), image?.descriptor.digest);
    skopeo('copy', '--quiet', '--all', `oci-archive:${files[0]}:1`, `dir:${join(box.path, compression)}`);
    const { manifests } = JSON.parse(raw) as { readonly manifests: readonly { readonly digest: string }[] };
    const path = `blobs/sha256/${manifests[0]?.digest.slice('sha256:'.length)}`;
    const manifest = execFileSync('tar', ['-xOf', files[0] ?? '', path], { encoding: 'utf8' });
    const { layers } = JSON.parse(manifest) as { readonly layers: readonly { readonly mediaType: string }[] };
    const suffix = compression === 'uncompressed' ? 'tar' : `tar+${compression}`;
    assert.equal(layers[0]?.mediaType, `application/vnd.oci.image.layer.v1.${suffix}`);
  }
  assert.deepEqual(box.images.list(), [], 'an archive leaves no image in the store');
});

test('a result tells of the names that it was given, not of those that the image had before', { skip }, async () => {
  using box = outputSandbox();
  const layer = box.layer('echo a > a');
  for (const platforms of [[amd64], [amd64, arm64]]) {
    const named = (name: string) => finished([layer], { platforms, names: [parseReference(name)] });
    const before = await box.write([parseOutput('type=image', amd64)], named('before'));
    const after = await box.write([parseOutput('type=image,name=other', amd64)], named('now:1'));
    assert.deepEqual(after[0]?.descriptor, before[0]?.descriptor);
    assert.deepEqual(after[0]?.names, ['docker.io/library/now:1', 'docker.io/library/other:latest']);
  }
});

test('umoci unpacks an OCI layout in a folder', { skip: skip || noUmoci }, async () => {
  using box = outputSandbox();
  const dest = join(box.path, 'layout');
  const target = finished([box.layer('echo one > a'), box.layer('echo two > b')], { names: [parseReference('app:1')] });
  await box.write([parseOutput(`type=oci,tar=false,dest=${dest}`, amd64)], target);
  const bundle = join(box.path, 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${dest}:1`, bundle], { stdio: 'pipe' });
  assert.equal(readFileSync(join(bundle, 'rootfs/b'), 'utf8'), 'two\n');
});

test('docker load takes what type=docker writes', { skip: skip || needsDocker }, async () => {
  using box = outputSandbox();
  const name = 'varve-outputs.test/app:1';
  const target = finished([box.layer(everything)], { names: [parseReference(name)] });
  const dest = join(box.path, 'x.tar');
  const [image] = await box.write([parseOutput(`type=docker,dest=${dest}`, amd64)], target);
  try {
    execFileSync(peerProgram, ['docker', 'load', '--input', dest]);
    const id = execFileSync(peerProgram, ['docker', 'image', 'inspect', '--format', '{{.Id}}', name], {
      encoding: 'utf8',
    });
    assert.equal(id.trim(), image?.imageId);
  } finally {
    execFileSync(peerProgram, ['docker', 'image', 'rm', '--force', name]);
  }
});

test('a folder is what BuildKit writes', { skip: skip || needsDocker }, async () => {
  using box = outputSandbox();
  const script = everything.replace(/mknod t\/block b 7 0/, '').replace(/echo bytes > \S+ \S+\)"; /, '');
  const context = join(box.path, 'context');
  mkdirSync(context);
  const layer = box.layer(script);
  writeFileSync(join(context, 'x.tar'), readFileSync(box.layers.tar(layer).path));
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD x.tar /\n');
  const [theirs, ours] = [join(box.path, 'theirs'), join(box.path, 'ours')];
  for (const folder of [theirs, ours]) {
    mkdirSync(join(folder, 't/big/deep'), { recursive: true });
    mkdirSync(join(folder, 't/kept'));
    symlinkSync('/nowhere', join(folder, 't/d'));
  }
  execFileSync(peerProgram, ['docker', 'buildx', 'build', '--quiet', '--output', theirs, context], { stdio: 'pipe' });
  await box.write([parseOutput(ours, amd64)], finished([layer]));
  assert.equal(withoutTimeOf('./t', listing(ours)), withoutTimeOf('./t', listing(theirs)));
});

/** Everything of a tree but its root, and times of directories that were there before. */
function listing(folder: string): string {
  const facts = execFileSync(
    'sh',
    [
      '-c',
      "find . -mindepth 1 ! -path ./t/kept -printf '%p %y %m %U:%G %n %s %T@ %l\\n' | sort; getfattr -Rhdm 'user|security.cap' . 2>/dev/null; find . -type f -print0 | sort -z | xargs -0 sha256sum; stat -c '%n %t:%T' t/char",
    ],
    { cwd: folder, encoding: 'latin1', env: { ...process.env, LC_ALL: 'C' } },
  );
  return facts.replaceAll(/^(\S+ d \S+ \S+ \S+) \d+/gm, '$1');
}

/** Of a directory that was there: varve gives it the time that it has in the image. */
function withoutTimeOf(path: string, listed: string): string {
  return listed.replace(new RegExp(`^(${path} .*) \\S+ $`, 'm'), '$1');
}

function skopeo(...options: readonly string[]): string {
  return execFileSync('skopeo', ['--insecure-policy', ...options], { encoding: 'utf8' });
}

function isFault(code: 'invalid'): (error: unknown) => boolean {
  return (error) => Fault.is(error, code);
}

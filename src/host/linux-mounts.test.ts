import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { errnoOf } from './errno.ts';
import { erofsImage } from './erofs-image.fixture.ts';
import { faultyMounts } from './faulty-mounts.fixture.ts';
import { lstat } from './file-status.ts';
import { linuxMounts, overlayOfAttached } from './linux-mounts.ts';
import { parseMountInfo } from './mount-info.ts';
import type { DetachedMount } from './mounts.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';
import { Tree } from './tree.ts';

const mounts = linuxMounts();
const asRoot = { skip: process.geteuid?.() !== 0 && 'only root may mount' };

/** Directories of these names below `parent`, by full path. */
function directories<const N extends readonly string[]>(parent: string, ...names: N): { [K in keyof N]: string } {
  const paths = names.map((name) => join(parent, name));
  for (const path of paths) mkdirSync(path);
  return paths as { [K in keyof N]: string };
}

test('an overlay takes what is written in its upper directory and leaves the lower ones as they are', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [high, low, upper, work, target] = directories(dir.path, 'high', 'low', 'upper', 'work', 'target');
  for (const [path, text] of [
    [high, 'high'],
    [low, 'low'],
  ] as const)
    writeFileSync(join(path, 'f'), text);
  writeFileSync(join(low, 'only-low'), '');
  using merged = mounts.overlay({ lower: [high, low], upper, work });
  mounts.attach(merged, target);
  assert.equal(readFileSync(join(target, 'f'), 'utf8'), 'high');
  writeFileSync(join(target, 'f'), 'new');
  assert.deepEqual([readFileSync(join(upper, 'f'), 'utf8'), readFileSync(join(high, 'f'), 'utf8')], ['new', 'high']);
  assert.deepEqual(readdirSync(target), ['f', 'only-low']);
  merged.close();
  mounts.unmount(target);
  assert.deepEqual(readdirSync(target), []);
});

test('files of several lower filesystems have one device, so that hard links and find -xdev work', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [disk, target] = directories(dir.path, 'disk', 'target');
  using memory = mounts.tmpfs({ sizeBytes: 1 << 20 });
  writeFileSync(join(memory.path, 'in-memory'), '');
  writeFileSync(join(disk, 'on-disk'), '');
  using merged = mounts.overlay({ lower: [memory, disk] });
  mounts.attach(merged, target);
  const [root, inMemory, onDisk] = ['', 'in-memory', 'on-disk'].map((name) => lstat(join(target, name))?.dev);
  assert.deepEqual([inMemory, onDisk], [root, root]);
});

test('an overlay without upper is read-only, and seen through its descriptor without being attached', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [a, c] = directories(dir.path, 'a', 'c');
  writeFileSync(join(c, 'f'), 'x');
  using merged = mounts.overlay({ lower: [a, c] });
  assert.equal(readFileSync(join(merged.path, 'f'), 'utf8'), 'x');
  assert.throws(() => writeFileSync(join(merged.path, 'f'), 'y'), { code: 'EROFS' });
});

test('detached mounts are layers of an overlay and may be closed once it stands', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [a, c, upper, work] = directories(dir.path, 'a', 'c', 'upper', 'work');
  writeFileSync(join(a, 'f'), 'x');
  for (const build of [mounts.overlay, overlayOfAttached]) {
    const before = mountsBelow(dir.path);
    const layer = mounts.bind(a);
    using merged = build({ lower: [layer, c], upper, work });
    layer.close();
    assert.equal(readFileSync(join(merged.path, 'f'), 'utf8'), 'x');
    assert.deepEqual(mountsBelow(dir.path), before);
  }
});

test('paths longer than the 255 bytes that fsconfig takes work, as sources and as targets', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  let deep = dir.path;
  for (let level = 0; level < 4; level += 1) [deep] = directories(deep, 'n'.repeat(200));
  const [a, c, upper, work, target] = directories(deep, 'a', 'c', 'upper', 'work', 'target');
  writeFileSync(join(a, 'f'), 'x');
  using merged = mounts.overlay({ lower: [a, c], upper, work });
  mounts.attach(merged, target);
  assert.equal(readFileSync(join(target, 'f'), 'utf8'), 'x');
  mounts.unmount(target, { detach: true });
});

test('a read-only bind cannot be written, a bind of a descriptor is what was opened', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [a, target] = directories(dir.path, 'a', 'target');
  writeFileSync(join(a, 'f'), 'x');
  using bound = mounts.bind(a, { readOnly: true });
  mounts.attach(bound, target);
  assert.throws(() => writeFileSync(join(target, 'f'), 'y'), { code: 'EROFS' });
  const again = mounts.bind(bound.fd);
  assert.equal(readFileSync(join(again.path, 'f'), 'utf8'), 'x');
  assert.throws(
    () => mounts.unmount(target),
    (error) => Fault.is(error, 'conflict'),
  );
  bound.close();
  mounts.unmount(target);
  assert.equal(readFileSync(join(again.path, 'f'), 'utf8'), 'x');
  again.close();
  again.close();
});

test('a recursive bind takes the mounts below along, a plain one does not', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [a, inner] = directories(dir.path, 'a', 'a/inner');
  using memory = mounts.tmpfs({ sizeBytes: 1 << 20, mode: 0o1777 });
  mounts.attach(memory, inner);
  writeFileSync(join(inner, 'f'), 'x');
  assert.equal(statSync(inner).mode & 0o7777, 0o1777);
  using plain = mounts.bind(a);
  using whole = mounts.bind(a, { recursive: true, readOnly: true });
  assert.deepEqual(readdirSync(join(plain.path, 'inner')), []);
  assert.deepEqual(readdirSync(join(whole.path, 'inner')), ['f']);
  assert.throws(() => writeFileSync(join(whole.path, 'inner/f'), 'y'), { code: 'EROFS' });
  memory.close();
  mounts.unmount(inner);
});

test('what is in use is not unmounted unless detached', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [target] = directories(dir.path, 'target');
  using memory = mounts.tmpfs({ sizeBytes: 1 << 20 });
  mounts.attach(memory, target);
  memory.close();
  using user = Tree.open(target);
  assert.throws(
    () => mounts.unmount(target),
    (error) => Fault.is(error, 'conflict'),
  );
  assert.deepEqual(user.list(bytesOf('')), []);
  mounts.unmount(target, { detach: true });
  assert.throws(
    () => mounts.unmount(target),
    (error) => errnoOf(error) === 'EINVAL',
  );
});

test('an unmount follows no symlink', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [target] = directories(dir.path, 'target');
  using memory = mounts.tmpfs({ sizeBytes: 1 << 20 });
  mounts.attach(memory, target);
  memory.close();
  symlinkSync(target, join(dir.path, 'link'));
  assert.throws(
    () => mounts.unmount(join(dir.path, 'link')),
    (error) => errnoOf(error) === 'EINVAL',
  );
  mounts.unmount(target);
});

test('an EROFS image is mounted from a plain file, with the file that it points into', asRoot, (t: TestContext) => {
  using dir = temporaryDirectory('/var/tmp');
  const [image, device] = [join(dir.path, 'image'), join(dir.path, 'device')];
  writeFileSync(image, erofsImage(7));
  writeFileSync(device, Buffer.from('content'.padEnd(4096, '\0')));
  const layer = mountIfSupported(t, image, [device]);
  if (layer === undefined) return;
  assert.deepEqual(readdirSync(layer.path), ['f']);
  assert.equal(readFileSync(join(layer.path, 'f'), 'utf8'), 'content');
  assert.throws(() => writeFileSync(join(layer.path, 'f'), 'y'), { code: 'EROFS' });
  layer.close();
  assert.throws(
    () => mounts.erofs({ image, devices: [device, device] }),
    (error) => Fault.is(error, 'unsupported'),
  );
});

test('a failure says what was being mounted, keeps the errno and leaves nothing behind', asRoot, () => {
  using dir = temporaryDirectory('/var/tmp');
  const [a, target] = directories(dir.path, 'a', 'target');
  const image = join(dir.path, 'image');
  writeFileSync(image, Buffer.alloc(8192));
  const attempt = (): void => {
    assert.throws(
      () => mounts.erofs({ image, devices: [] }),
      (error) => Fault.is(error, 'unsupported'),
    );
    assert.throws(
      () => mounts.erofs({ image: '/no/image', devices: [] }),
      (error) => Fault.is(error, 'not-found'),
    );
    assert.throws(
      () => mounts.overlay({ lower: [] }),
      (error) => Fault.is(error, 'invalid'),
    );
    assert.throws(
      () => mounts.overlay({ lower: [a], upper: a }),
      (error) => Fault.is(error, 'invalid'),
    );
    assert.throws(
      () => mounts.overlay({ lower: [a, image] }),
      (error) => Fault.is(error),
    );
    assert.throws(
      () => mounts.overlay({ lower: [a, a], options: { nonsense: '1' } }),
      (error) => Fault.is(error, 'unsupported') && /option nonsense.*overlay: Unknown parameter/.test(error.message),
    );
    using bound = mounts.bind(a);
    assert.throws(
      () => mounts.attach(bound, join(dir.path, 'no')),
      (error) => Fault.is(error, 'not-found'),
    );
    assert.throws(
      () => mounts.unmount(target),
      (error) => errnoOf(error) === 'EINVAL',
    );
  };
  attempt();
  const fds = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 10; round += 1) attempt();
  assert.deepEqual([readdirSync('/proc/self/fd').length, mountsBelow(dir.path)], [fds, []]);
});

/** Others mount and unmount elsewhere meanwhile. */
function mountsBelow(path: string): readonly ByteString[] {
  return mounts
    .list()
    .map(({ target }) => target)
    .filter((target) => target.startsWith(path));
}

test('a failing twin fails the call that was asked for, before it has done anything', asRoot, () => {
  const twin = faultyMounts(mounts, 2);
  using memory = twin.tmpfs({ sizeBytes: 4096 });
  assert.ok(memory.fd > 0);
  assert.throws(
    () => twin.attach(memory, '/nowhere'),
    (error) => Fault.is(error, 'exhausted'),
  );
  assert.equal(twin.calls(), 2);
});

test('the list of mounts undoes the escapes and knows optional fields', () => {
  const text =
    '36 35 98:0 /mnt1 /a\\040b\\134c rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n' +
    '37 36 0:5 / /x ro - tmpfs \\011t rw\n';
  const [first, second] = parseMountInfo(text as ByteString);
  assert.deepEqual(first, {
    id: 36,
    parentId: 35,
    devMajor: 98,
    devMinor: 0,
    root: '/mnt1',
    target: '/a b\\c',
    options: ['rw', 'noatime'],
    propagation: ['shared:1', 'master:2'],
    type: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  });
  assert.deepEqual([second?.propagation, second?.source], [[], '\tt']);
  assert.throws(
    () => parseMountInfo('1 2 3\n' as ByteString),
    (error) => Fault.is(error, 'internal'),
  );
  assert.ok(mounts.list().some((each) => each.target === bytesOf('/')));
});

function mountIfSupported(t: TestContext, image: string, devices: readonly string[]): DetachedMount | undefined {
  try {
    return mounts.erofs({ image, devices });
  } catch (error) {
    if (!['ENODEV', 'ENOTBLK'].includes(errnoOf(error) ?? '')) throw error;
    t.skip('this kernel does not mount EROFS from plain files');
    return undefined;
  }
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { toBuffer } from '../std/index.ts';
import { ContainerBench, entry, never, noContainers } from './containers.fixture.ts';

const real = { skip: noContainers };
let bench: ContainerBench;
let scratch: string;

before(() => {
  if (noContainers !== false) return;
  bench = new ContainerBench();
  scratch = mkdtempSync('/var/tmp/varve-content-');
});

after(async () => {
  if (noContainers !== false) return;
  rmSync(scratch, { recursive: true, force: true });
  await bench[Symbol.asyncDispose]();
});

const changing = 'mkdir /new; echo x > /new/file; rm /data/gone; echo y >> /data/kept; chmod 700 /tmp';
const changes = ['C /data', 'D /data/gone', 'C /data/kept', 'A /new', 'A /new/file', 'C /tmp'];

test(
  'diff lists what was added, changed and deleted, and nothing that varve mounted, running or stopped',
  real,
  async () => {
    const id = await bench.runDetached(`${changing}; echo ready; sleep 100`);
    await isReady(id);
    assert.deepEqual(diff(id), changes);
    await bench.containers.stop(id, { timeoutMs: 0, signal: never });
    assert.deepEqual(diff(id), changes);
    await bench.containers.remove(id, { force: false });
    const { id: unstarted } = await bench.create(['true']);
    assert.deepEqual(diff(unstarted), []);
    await bench.containers.remove(unstarted, { force: false });
  },
);

test('what a container does beside a mount place that varve made is seen', real, async () => {
  const id = await bench.runDetached('echo x > /etc/own; echo ready; sleep 100');
  await isReady(id);
  assert.deepEqual(diff(id), ['A /etc', 'A /etc/own']);
  const { imageId } = await bench.containers.commit(id, { changes: [], pause: true, signal: never });
  assert.deepEqual(layerPaths(imageId), ['etc/', 'etc/own']);
  await bench.containers.remove(id, { force: true });
  assert.deepEqual(layerPaths(imageId), ['etc/', 'etc/own']);
});

test('commit of a running container is one more layer with its history, and the container runs on', real, async () => {
  const id = await bench.runDetached(`${changing}; echo ready; sleep 100`, { env: ['A=b'] });
  await isReady(id);
  const { imageId } = await bench.containers.commit(id, {
    name: 'committed:1',
    author: 'somebody',
    message: 'a message',
    changes: ['ENV C=$A', 'CMD ["sh", "-c", "cat /new/file"]', 'LABEL x=y'],
    pause: true,
    signal: never,
  });
  assert.equal(bench.containers.list({ all: false })[0]?.id, id);
  await bench.containers.remove(id, { force: true });
  const image = bench.store.images.find('committed:1');
  assert.equal(image?.imageId, imageId);
  assert.deepEqual(image?.config.config?.Env, ['A=b', 'C=b']);
  assert.deepEqual(image?.config.config?.Labels, { x: 'y' });
  assert.equal(image?.config.author, 'somebody');
  assert.deepEqual(image?.chain.slice(0, -1), bench.chain);
  assert.equal(image?.config.history?.length, 2);
  assert.equal(image?.config.history?.[1]?.comment, 'a message');
  assert.deepEqual(layerPaths(imageId), ['data/', 'data/.wh.gone', 'data/kept', 'new/', 'new/file', 'tmp/']);
  const { stdout } = await bench.run('ls /data; cat /new/file', { image: 'committed:1', autoRemove: true });
  assert.equal(stdout, 'kept\nx\n');
});

test('commit of a stopped container, and of one that never ran; a bad change changes nothing', real, async () => {
  const { id } = await bench.run('echo x > /f');
  const commit = (options: readonly string[]): ReturnType<typeof bench.containers.commit> =>
    bench.containers.commit(id, { changes: options, pause: true, signal: never });
  await assert.rejects(commit(['RUN true']), (error) => Fault.is(error, 'invalid'));
  assert.deepEqual(layerPaths((await commit([])).imageId), ['f']);
  await bench.containers.remove(id, { force: false });
  const { id: unstarted } = await bench.create(['true']);
  const { imageId } = await bench.containers.commit(unstarted, { changes: [], pause: true, signal: never });
  assert.deepEqual(layerPaths(imageId), []);
  await bench.containers.remove(unstarted, { force: false });
});

test('export is the tree as GNU tar reads it, the same bytes each time, running or not', real, async () => {
  const script = `${changing}; ln /new/file /new/link; mkfifo /new/pipe; ln -s /a/b /new/symlink; echo ready; sleep 100`;
  const id = await bench.runDetached(script, { volumes: ['vol:/vol'] });
  await isReady(id);
  const running = await exported(id);
  assert.deepEqual(await exported(id), running);
  await bench.containers.stop(id, { timeoutMs: 0, signal: never });
  assert.deepEqual(await exported(id), running);
  await bench.containers.remove(id, { force: false, volumes: true });
  const listing = tar(running, '--numeric-owner', '-tv').split('\n');
  const line = (path: string): string => listing.find((each) => each.endsWith(path)) ?? '';
  assert.match(line(' data/kept'), /^-rw-r----- 7\/8 +7 /);
  assert.match(line('new/link link to new/file'), /^h/);
  assert.match(line('new/symlink -> /a/b'), /^l/);
  assert.match(line('new/pipe'), /^p/);
  assert.equal(
    listing.some((each) => /gone|proc|dev|etc|vol/.test(each)),
    false,
  );
});

test('an image that nobody started is exported too', real, async () => {
  const { id } = await bench.create(['true']);
  assert.match(tar(await exported(id), '-t'), /^bin\/\nbin\/busybox\n/);
  await bench.containers.remove(id, { force: false });
  assert.deepEqual(bench.store.areas.list(), []);
});

test(
  'a container is an image plus a writable layer: a hundred runs leave every layer byte for byte',
  real,
  async () => {
    const before = bench.store.layers.list();
    const script = 'rm -rf /data /bin/ls; echo x > /new; chmod 700 /tmp; touch /bin/cat';
    for (let batch = 0; batch < 50; batch++) {
      const runs = [1, 2].map(() => bench.run(script, { autoRemove: true }));
      for (const { exitCode } of await Promise.all(runs)) assert.equal(exitCode, 0);
    }
    assert.deepEqual(bench.store.layers.list(), before);
    for (const { diffId } of before) assert.ok(bench.store.layers.verify(diffId), diffId);
    const { stdout } = await bench.run('ls /data', { autoRemove: true });
    assert.equal(stdout, 'gone\nkept\n');
  },
);

test('binds show the host, read-only where asked; a folder that is not there is made', real, async () => {
  const source = join(scratch, 'bound');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), 'from the host\n');
  const made = join(scratch, 'made/here');
  const { stdout, stderr } = await bench.run('cat /in/file; touch /in/x; touch /out/y', {
    volumes: [`${source}:/in:ro`, `${made}:/out`],
    autoRemove: true,
  });
  assert.equal(stdout, 'from the host\n');
  assert.match(stderr, /Read-only/);
  assert.deepEqual(readdirSync(source), ['file']);
  assert.deepEqual(readdirSync(made), ['y']);
});

test('a named volume outlives its containers and begins with what the image has there', real, async () => {
  const volumes = ['named:/data'];
  const first = await bench.run('ls -ln /data; echo more > /data/more', { volumes, autoRemove: true });
  assert.match(first.stdout, /-rw-r----- +1 7 +8 +5 .* kept/);
  const second = await bench.run('ls /data; rm /data/kept', { volumes, autoRemove: true });
  assert.equal(second.stdout, 'gone\nkept\nmore\n');
  const third = await bench.run('ls /data; ls /other', { volumes: [...volumes, 'named:/other:ro'], autoRemove: true });
  assert.equal(third.stdout, 'gone\nmore\ngone\nmore\n');
  assert.equal(bench.store.state.volumes.get('named')?.name, 'named');
});

test(
  "an image's VOLUME is a volume of the container's own, which goes with one that removes itself",
  real,
  async () => {
    bench.addImage('with-volume', { Cmd: ['/bin/sh'], Volumes: { '/v': {} } }, (packer) => {
      const content = readFileSync('/usr/bin/busybox');
      packer.add(entry('bin', { type: 'dir', mode: 0o755 }));
      packer.add(entry('bin/sh', { size: content.length, mode: 0o755 }));
      packer.write(content);
      packer.add(entry('v', { type: 'dir', mode: 0o751, uid: 5 }));
      packer.add(entry('v/seed', { size: 2 }));
      packer.write(Buffer.from('s\n'));
    });
    const anonymous = (): number =>
      bench.store.state.volumes.list().filter(({ body }) => body['anonymous'] === true).length;
    const lasting = await bench.run('echo x > /v/x; cat /v/seed', { image: 'with-volume' });
    assert.equal(lasting.stdout, 's\n');
    assert.equal(anonymous(), 1);
    const [mount] = bench.containers.inspect(lasting.id)['Mounts'] as readonly { readonly Source: string }[];
    const source = mount?.Source ?? '';
    assert.equal(statSync(source).mode & 0o7777, 0o751);
    assert.equal(statSync(source).uid, 5);
    assert.deepEqual(readdirSync(source).toSorted(), ['seed', 'x']);
    assert.deepEqual(diff(lasting.id), []);
    const passing = await bench.run('cat /v/x', { image: 'with-volume', autoRemove: true });
    assert.equal(passing.exitCode, 1);
    assert.equal(anonymous(), 1);
    await bench.containers.remove(lasting.id, { force: false, volumes: true });
    assert.equal(anonymous(), 0);
    assert.equal(existsSync(source), false);
  },
);

test('the layers of a container are named for garbage collection, and who stands on an image', real, async () => {
  const { id } = await bench.create(['true']);
  const image = bench.store.images.find('busybox');
  assert.deepEqual([...bench.containers.chains()], [bench.chain]);
  assert.deepEqual(bench.containers.usingImage(image?.imageId ?? ''), [id.slice(0, 12)]);
  assert.deepEqual(bench.store.state.leases.live(), []);
  await bench.containers.remove(id, { force: false });
});

function diff(id: string): readonly string[] {
  return bench.containers.diff(id).map(({ kind, path }) => `${kind} ${toBuffer(path).toString()}`);
}

async function isReady(id: string): Promise<void> {
  for await (const { bytes } of bench.containers.logs(id, { follow: true, signal: never })) {
    if (Buffer.from(bytes).toString() === 'ready\n') return;
  }
}

async function exported(id: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of bench.containers.exportTree(id, { signal: never })) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function tar(archive: Buffer, ...options: readonly string[]): string {
  return execFileSync('tar', [...options, '-f', '-'], { input: archive, encoding: 'utf8' });
}

/** What GNU tar finds in the topmost layer of an image. */
function layerPaths(imageId: string): readonly string[] {
  const image = bench.store.images.list().find((each) => each.imageId === imageId);
  const top = image?.chain.at(-1);
  assert.ok(top !== undefined);
  const listing = tar(readFileSync(bench.store.layers.tar(top).path), '-t');
  return listing.split('\n').filter((line) => line !== '');
}

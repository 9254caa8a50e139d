/** Archives through pipes, between stores, into and out of real Docker and Podman; and what a kill in the middle leaves. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { archiveFile, layoutArchive, tarOf } from '../src/image/archive.fixture.ts';
import { craftImage, craftIndex } from '../src/image/crafted-image.fixture.ts';
import { needsDocker, peerProgram } from '../src/std/docker-peer.fixture.ts';
import { needsRoot, program, runProgram, TestStore } from './test-store.ts';

const skipPeers = needsRoot !== false ? needsRoot : needsDocker;
const base = { files: { base: randomBytes(2_000_000) } };
const image = craftImage([base, { files: { a: 'a' }, packing: 'none' }]);
const name = 'registry.test/app:1';

test(
  'images go from one store into another through a pipe, compressed on the way or not',
  { skip: needsRoot },
  async () => {
    await using store = new TestStore();
    await using other = new TestStore();
    const arm = craftImage([{ files: { a: 'arm' } }], { platform: { os: 'linux', architecture: 'arm64' } });
    const index = craftIndex([image, arm]);
    await load(
      store,
      layoutArchive([
        { image, name },
        { image: index, name: 'registry.test/all:1' },
      ]),
    );
    for (const between of ['cat', 'gzip -1', 'zstd -q']) {
      const line = `"$0" save ${name} registry.test/all:1 | ${between} | VARVE_ROOT=${other.root} VARVE_RUN_ROOT=${other.runRoot} "$0" load`;
      const { status, stdout, stderr } = spawnSync('sh', ['-c', line, program], {
        env: { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot },
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, '']);
      assert.equal(stdout, `Loaded image: ${name}\nLoaded image: registry.test/all:1\n`);
    }
    for (const asked of [name, 'registry.test/all:1']) {
      assert.equal((await inspected(other, asked)).RepoDigests, (await inspected(store, asked)).RepoDigests);
    }
  },
);

test(
  'a load that is killed leaves nothing but what the next command clears, and can be done again',
  { skip: needsRoot },
  async () => {
    await using store = new TestStore();
    const archive = tarOf(layoutArchive([{ image, name }]));
    for (const share of [0.2, 0.6, 0.98]) {
      const env = { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot };
      const child = spawn(program, ['load'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.on('error', () => undefined);
      await new Promise((resolve) => child.stdin.write(archive.subarray(0, archive.length * share), resolve));
      await pause(200);
      child.kill('SIGKILL');
      await ended;
      assert.equal((await store.ok(['images', '-q'])).stdout, '');
      await store.ok(['check', '--repair']);
    }
    await load(store, layoutArchive([{ image, name }]));
    assert.equal((await inspected(store, name)).Id, image.imageId);
  },
);

test('a truncated pipe, and standard input that is a layer, are errors', { skip: needsRoot }, async () => {
  await using store = new TestStore();
  const cut = await store.run(['load'], { stdin: tarOf(layoutArchive([{ image, name }])).subarray(0, 300_000) });
  assert.equal(cut.code, 1);
  assert.match(cut.stderr, /cut off/);
  const layer = await store.run(['load'], { stdin: tarOf([archiveFile('etc/passwd', 'root')]) });
  assert.match(layer.stderr, /no archive of images[^]*varve import/);
});

test(
  'docker and podman load what is saved here, also without the layers of a base that they have',
  { skip: skipPeers },
  async (t) => {
    await using store = new TestStore();
    const mark = `varve-archives-${randomUUID().slice(0, 8)}`;
    const [app, baseName] = [`${mark}/app:1`, `${mark}/base:1`];
    await load(store, layoutArchive([{ image, name: `docker.io/${app}` }]));
    await load(store, layoutArchive([{ image: craftImage([base]), name: `docker.io/${baseName}` }]));
    const podman = ['podman', '--runtime', 'runc'];
    try {
      for (const format of ['oci', 'docker']) {
        const archive = join(store.folder, `${format}.tar`);
        await store.ok(['save', '--format', format, '-o', archive, app, baseName]);
        await t.test(`${format}: docker`, async () => {
          assert.match(await peers('docker', 'load', '-q', '-i', archive), new RegExp(`Loaded image: ${app}`));
          assert.equal((await peers('docker', 'inspect', '-f', '{{.Id}}', app)).trim(), image.imageId);
        });
        await t.test(`${format}: podman`, async () => {
          assert.match(await peers(...podman, 'load', '-q', '-i', archive), new RegExp(`Loaded image: .*${app}`));
        });
        await t.test(`${format}: docker, since the base`, async () => {
          await peers('docker', 'rmi', '-f', app);
          await store.ok(['save', '--format', format, '--since', baseName, '-o', archive, app]);
          assert.ok(readFileSync(archive).length < 500_000);
          await peers('docker', 'load', '-q', '-i', archive);
          assert.equal((await peers('docker', 'inspect', '-f', '{{.Id}}', app)).trim(), image.imageId);
        });
      }
    } finally {
      await runProgram(peerProgram, ['docker', 'rmi', '-f', app, baseName]);
      for (const each of [app, baseName]) {
        for (const prefix of ['localhost/', 'docker.io/'])
          await runProgram(peerProgram, [...podman, 'rmi', '-f', `${prefix}${each}`]);
      }
    }
  },
);

test('what docker save and podman save write is loaded here, under the same ID', { skip: skipPeers }, async () => {
  await using store = new TestStore();
  const mark = `varve-archives-${randomUUID().slice(0, 8)}/app:1`;
  const archive = join(store.folder, 'theirs.tar');
  await load(store, layoutArchive([{ image, name: `docker.io/${mark}` }]));
  await store.ok(['save', '--format', 'docker', '-o', archive, mark]);
  await store.ok(['rmi', mark]);
  try {
    await peers('docker', 'load', '-q', '-i', archive);
    await peers('podman', 'load', '-q', '-i', archive);
    await peers('docker', 'save', '-o', archive, mark);
    assert.equal((await store.ok(['load', '-i', archive])).stdout, `Loaded image: ${mark}\n`);
    assert.equal((await inspected(store, mark)).Id, image.imageId);
    const listed = await peers(
      'podman',
      'images',
      '--format',
      '{{.Repository}}:{{.Tag}}',
      '--filter',
      `reference=*${mark}`,
    );
    for (const format of ['docker-archive', 'oci-archive']) {
      await runProgram('rm', ['-f', archive]);
      await peers('podman', 'save', '-q', '--format', format, '-o', archive, listed.trim());
      const { stdout } = await store.ok(['load', '-q'], { stdin: readFileSync(archive) });
      assert.match(stdout, /^Loaded image: /);
    }
  } finally {
    await runProgram(peerProgram, ['docker', 'rmi', '-f', mark]);
    for (const prefix of ['localhost/', 'docker.io/'])
      await runProgram(peerProgram, ['podman', 'rmi', '-f', `${prefix}${mark}`]);
  }
});

async function load(store: TestStore, members: Parameters<typeof tarOf>[0]): Promise<void> {
  const file = join(store.folder, 'load.tar');
  writeFileSync(file, tarOf(members));
  await store.ok(['load', '-q', '-i', file]);
}

async function inspected(
  store: TestStore,
  asked: string,
): Promise<{ readonly Id: string; readonly RepoDigests: string }> {
  const format = '{"Id":"{{.Id}}","RepoDigests":"{{.RepoDigests}}"}';
  return JSON.parse((await store.ok(['inspect', '--format', format, asked])).stdout) as {
    Id: string;
    RepoDigests: string;
  };
}

async function peers(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(peerProgram, command);
  assert.equal(code, 0, `${command.join(' ')}:\n${stdout}${stderr}`);
  return stdout;
}

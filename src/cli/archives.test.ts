import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TransferEvent } from '../engine/index.ts';
import { createFakeEngine } from './fake-engine.fixture.ts';
import { runCli } from './terminal.fixture.ts';

const digest = `sha256:${'d'.repeat(64)}`;

test('load prints what docker load prints, reading a file or standard input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'));
  try {
    const file = join(folder, 'x.tar');
    writeFileSync(file, 'archive');
    for (const fake of [createFakeEngine(), createFakeEngine()]) {
      const { code, stdout, stderr } = await runCli(['load', '-i', file], { fake });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(
        stdout,
        /^Loaded image: alpine:latest\nLoaded image: registry.test\/a:1\nLoaded image ID: sha256:[0-9a-f]{64}\n$/,
      );
      assert.deepEqual(fake.calls, [['load', 'archive', {}]]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const missing = await runCli(['load', '-i', '/nowhere/x.tar']);
  assert.deepEqual(
    [missing.code, missing.stderr],
    [1, 'Error: load /nowhere/x.tar: no such file\nhint: check the path\n'],
  );
});

test('warnings of a load go to standard error', async () => {
  const fake = createFakeEngine();
  const events: readonly TransferEvent[] = [{ kind: 'warning', message: 'only linux/amd64 is loaded' }];
  fake.transferEvents = events;
  const { stdout, stderr } = await runCli(['load', '-q', '-i', '/dev/null'], { fake });
  assert.equal(stderr, 'WARNING: only linux/amd64 is loaded\n');
  assert.match(stdout, /^Loaded image: /);
});

test('copy prints the digest, and the one that the store has where it is another', async () => {
  const fake = createFakeEngine();
  const { stdout } = await runCli(['copy', '--all', 'alpine', 'oci:x'], { fake });
  assert.match(stdout, new RegExp(`^Digest here: sha256:[0-9a-f]{64}\nDigest: ${digest}\nStatus: Copied to oci:x\n$`));
  assert.deepEqual(fake.calls, [['copy', 'alpine', 'oci:x', { all: true }]]);
  const again = await runCli(['copy', '--platform', 'linux/arm64', 'docker://a', 'oci:x'], { fake });
  assert.equal(again.stdout, `Digest: ${digest}\nStatus: Already there: oci:x\n`);
  assert.deepEqual(fake.calls.at(-1), ['copy', 'docker://a', 'oci:x', { all: false, platform: 'linux/arm64' }]);
  const flags = ['--src-tls-verify=false', '--dest-tls-verify=false', '--compression=zstd', '--compression-level=19'];
  await runCli(['copy', '--all-platforms', ...flags, 'docker://a', 'docker://b'], { fake });
  const wanted = { sourceTlsVerify: false, targetTlsVerify: false, compression: 'zstd', compressionLevel: 19 };
  assert.deepEqual(fake.calls.at(-1), ['copy', 'docker://a', 'docker://b', { all: true, ...wanted }]);
  assert.match(
    (await runCli(['copy', '-a', '--platform=linux/arm64', 'a', 'oci:x'])).stderr,
    /cannot be used together/,
  );
  assert.equal((await runCli(['copy', '-q', 'alpine', 'oci:x'])).stdout, `${digest}\n`);
  assert.match((await runCli(['copy', 'alpine'])).stderr, /requires/);
});

test('save --since takes several images, also in one list', async () => {
  const fake = createFakeEngine();
  await runCli(['save', '--since', 'a,b', '--since', 'c', 'app'], { fake });
  assert.deepEqual(fake.calls, [['save', ['app'], { format: 'oci', since: ['a', 'b', 'c'] }]]);
});

test('pull takes all platforms, or one', async () => {
  const fake = createFakeEngine();
  await runCli(['pull', '--all-platforms', '-q', 'alpine'], { fake });
  assert.deepEqual(fake.calls, [['pull', 'alpine', { allPlatforms: true }]]);
  const both = await runCli(['pull', '--all-platforms', '--platform=linux/arm64', 'alpine']);
  assert.match(both.stderr, /cannot be used together/);
});

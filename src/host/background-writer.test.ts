import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BackgroundWriter } from './background-writer.ts';
import { temporaryDirectory } from './temporary-directory.fixture.ts';

test('a file is written and hashed whole, what stood in it before included', async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, 'file');
  const content = randomBytes(11_000_000);
  const fd = openSync(path, 'wx');
  using writer = new BackgroundWriter(fd, path);
  writeSync(fd, content.subarray(0, 3_000_001));
  await ready(writer);
  writer.begin(3_000_001);
  for (let at = 3_000_001; at < content.length; at += 777_777) writer.write(content.subarray(at, at + 777_777));
  assert.equal(writer.finish(), hash('sha256', content));
  closeSync(fd);
  assert.ok(content.equals(readFileSync(path)));
});

test('a piece larger than all that the thread holds at once goes through', async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, 'file');
  const content = randomBytes(9 << 20);
  const fd = openSync(path, 'wx');
  using writer = new BackgroundWriter(fd, path);
  await ready(writer);
  writer.begin(0);
  writer.write(content);
  assert.equal(writer.finish(), hash('sha256', content));
  closeSync(fd);
});

test('a write that fails comes out of the next call, or of the last', async () => {
  using writer = new BackgroundWriter(openSync('/dev/full', 'w'), '/dev/full');
  await ready(writer);
  writer.begin(0);
  assert.throws(
    () => {
      writer.write(randomBytes(1000));
      writer.finish();
    },
    { code: 'exhausted', message: /no space left/ },
  );
});

test('disposing of it waits until the thread is done with the file', async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, 'file');
  const fd = openSync(path, 'wx');
  const writer = new BackgroundWriter(fd, path);
  await ready(writer);
  writer.begin(0);
  writer.write(randomBytes(3 << 20));
  writer[Symbol.dispose]();
  assert.equal(readFileSync(path).length, 3 << 20);
  closeSync(fd);
});

test('one that never began leaves the file alone', () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, 'file');
  const fd = openSync(path, 'wx');
  new BackgroundWriter(fd, path)[Symbol.dispose]();
  writeSync(fd, 'mine');
  closeSync(fd);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
});

async function ready(writer: BackgroundWriter): Promise<void> {
  while (!writer.isReady) await delay(1);
}

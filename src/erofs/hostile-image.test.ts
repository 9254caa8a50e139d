import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { ByteString } from '../std/index.ts';
import { randomDraws } from '../std/random-numbers.fixture.ts';
import { MergedTree, layerChanges } from './index.ts';
import { dir, file, link, makeLayer, openBytes, symlink } from './layer.fixture.ts';

const sample = makeLayer([
  dir('.', { xattrs: { 'user.root': 'x' } }),
  ...Array.from({ length: 60 }, (_, index) => dir(`directory-${index}`, { xattrs: { 'user.n': String(index) } })),
  ...Array.from({ length: 60 }, (_, index) => file(`directory-0/f${index}`, 'x'.repeat(index * 20))),
  symlink('short', 'target'),
  symlink('long', 'target/'.repeat(300)),
  { path: 'null', type: 'char', major: 1, minor: 3 },
  link('linked', 'directory-0/f3'),
]).bytes;

/** Reads all there is to read, as far as `limit` names. */
function readAll(bytes: Buffer, limit = 3000): void {
  const image = openBytes(bytes);
  const pending = [image.root];
  for (let inode = pending.pop(), count = 0; inode !== undefined && count < limit; inode = pending.pop(), count += 1) {
    image.xattrs(inode);
    if (inode.type === 'symlink') image.target(inode);
    for (const _ of image.extents(inode)) count += 1;
    if (inode.type !== 'dir') continue;
    image.lookup(inode, 'directory-33' as ByteString);
    for (const { nid } of image.readdir(inode)) pending.push(image.inode(nid));
  }
  new MergedTree([image]).lookup('directory-0/f7' as ByteString);
  for (const _ of layerChanges(image, undefined)) if ((limit -= 1) < 0) break;
}

test('flipped bits in an image give a Fault or another tree, never anything else', () => {
  readAll(sample);
  const next = randomDraws(1);
  for (let round = 0; round < 3000; round += 1) {
    const bytes = Buffer.from(sample);
    for (let flips = 1 + (round % 3); flips > 0; flips -= 1) {
      const at = 1536 + next(bytes.length - 1536);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
    }
    allowFault(() => readAll(bytes));
  }
});

test('overwritten numbers in an image give a Fault or another tree, never anything else', () => {
  const next = randomDraws(2);
  const values = [0, 1, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];
  for (let round = 0; round < 3000; round += 1) {
    const bytes = Buffer.from(sample);
    const at = 1536 + next((bytes.length - 1540) >> 2) * 4;
    bytes.writeUInt32LE(values[next(values.length)] ?? 0, at);
    allowFault(() => readAll(bytes));
  }
});

test('a superblock with any flipped bit is refused', () => {
  for (let at = 1024; at < 1536; at += 1) {
    const bytes = Buffer.from(sample);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    assert.throws(
      () => openBytes(bytes),
      (error) => Fault.is(error, 'corrupt'),
      `byte ${at}`,
    );
  }
});

test('an image that is cut off anywhere gives a Fault', () => {
  for (let length = 0; length < sample.length; length += 97) {
    assert.throws(
      () => readAll(sample.subarray(0, length)),
      (error) => Fault.is(error, 'corrupt'),
      `length ${length}`,
    );
  }
});

function allowFault(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!Fault.is(error)) throw error;
  }
}

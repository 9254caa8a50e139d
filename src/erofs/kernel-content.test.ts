import assert from 'node:assert/strict';
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatHeader, scanTar } from '../tar/index.ts';
import { LayerIndexer } from './index.ts';
import { mountErofs } from './kernel-mount.fixture.ts';
import { entryOf, file, imageBytes } from './layer.fixture.ts';
import { MountBench, canMount, hasErofsUtils, runPeer, walkMounted } from './mounted-tree.fixture.ts';

const skip = !canMount && 'mounting needs root';
const debian = '/var/tmp/varve-peers/debian-min.tar';

test('the kernel reads files over 4 GiB', { skip }, () => {
  using bench = new MountBench();
  const size = 5 * 2 ** 30 + 777;
  const member = { ...entryOf(file('big')), size };
  const header = formatHeader(member);
  const path = bench.put('l.tar', header);
  const tar = openSync(path, 'r+');
  ftruncateSync(tar, header.length + Math.ceil(size / 512) * 512 + 1024);
  const mark = Buffer.from('a mark at the end of the file');
  writeSync(tar, mark, 0, mark.length, header.length + size - mark.length);
  const image = bench.put('l.erofs', indexFile(tar));
  closeSync(tar);
  const target = bench.mounted((each) => mountErofs(each, image, [path]));
  const mounted = openSync(join(target, 'big'), 'r');
  assert.equal(fstatSync(mounted).size, size);
  const end = Buffer.alloc(mark.length);
  readSync(mounted, end, 0, end.length, size - mark.length);
  closeSync(mounted);
  assert.deepEqual(end, mark);
});

/** A sparse file for a test: its size, and its segments as [offset in the file, length, offset in the tar]. */
interface Sparse {
  readonly size: number;
  readonly segments: readonly (readonly [number, number, number])[];
}

const sparseFiles: Readonly<Record<string, Sparse>> = {
  aligned: { size: 1 << 20, segments: [triple(4096, 4096, 512), triple(1 << 19, 512, 4608)] },
  unaligned: { size: 100_000, segments: [triple(5, 700, 1000), triple(7000, 3, 1703), triple(50_000, 10_000, 1706)] },
  'all-hole': { size: 2 ** 33, segments: [] },
  'huge-hole': { size: 2 ** 40, segments: [triple(2 ** 39, 4096, 1024), triple(2 ** 40 - 512, 512, 5120)] },
  'ends-in-cut-off-padding': { size: 30_001, segments: [triple(0, 30_001, 9728)] },
  'one-byte': { size: 1, segments: [triple(0, 1, 512)] },
  mixed: { size: 8192, segments: [triple(0, 512, 512), triple(600, 100, 1024), triple(1024, 7168, 2048)] },
};

test('content that blocks of the tar cannot address is stored, holes stay holes', { skip }, () => {
  using bench = new MountBench();
  const tar = Buffer.alloc(39_800, 'tar bytes that differ everywhere: 0123456789 ');
  const indexer = new LayerIndexer();
  for (const [path, { size, segments }] of Object.entries(sparseFiles)) {
    const list = segments.map(([offset, length, dataOffset]) => ({ offset, length, dataOffset }));
    indexer.add({ ...entryOf(file(path)), size }, { headerOffset: 0, dataOffset: 512, storedSize: 0, segments: list });
  }
  const read = (offset: number, length: number): Buffer => tar.subarray(offset, offset + length);
  const bytes = imageBytes(indexer.finish(), { tar: { tag: 'a'.repeat(64), sizeBytes: tar.length, read } });
  const paths = [bench.put('l.erofs', bytes), bench.put('l.tar', tar)] as const;
  if (hasErofsUtils) runPeer('fsck.erofs', '-d1', `--device=${paths[1]}`, paths[0]);
  const target = bench.mounted((each) => mountErofs(each, paths[0], [paths[1]]));
  for (const [path, sparse] of Object.entries(sparseFiles)) assertContent(join(target, path), sparse, tar);
});

/** Reads each segment with some of what lies around it. */
function assertContent(path: string, { size, segments }: Sparse, tar: Buffer): void {
  const mounted = openSync(path, 'r');
  assert.equal(fstatSync(mounted).size, size, path);
  for (const [offset, length] of segments) {
    const start = Math.max(0, offset - 600);
    const end = Math.min(size, offset + length + 50);
    const bytes = Buffer.alloc(end - start, 'x');
    readSync(mounted, bytes, 0, bytes.length, start);
    const wanted = Buffer.from(Array.from(bytes, (_, index) => byteAt(segments, start + index, tar)));
    assert.ok(bytes.equals(wanted), `${path} at ${offset}`);
  }
  closeSync(mounted);
}

function byteAt(segments: Sparse['segments'], at: number, tar: Buffer): number {
  const segment = segments.find(([offset, length]) => at >= offset && at < offset + length);
  return segment === undefined ? 0 : (tar[segment[2] + at - segment[0]] ?? 0);
}

function triple(offset: number, length: number, at: number): readonly [number, number, number] {
  return [offset, length, at];
}

const canCompare = hasErofsUtils && existsSync(debian);

test(
  'the mounted tree equals what mkfs.erofs --tar=i makes of the same tar',
  { skip: skip || (!canCompare && 'no erofs-utils 1.7 and Debian tar beside the repository') },
  () => {
    using bench = new MountBench();
    const tar = openSync(debian, 'r');
    const ours = bench.put('ours.erofs', indexFile(tar));
    closeSync(tar);
    const theirs = join(bench.folder, 'theirs.erofs');
    runPeer('mkfs.erofs', '--quiet', '--tar=i', '-b', '512', theirs, debian);
    const [mine, reference] = [ours, theirs].map((image) =>
      walkMounted(bench.mounted((target) => mountErofs(target, image, [debian]))),
    );
    assert.deepEqual(mine, reference);
    runPeer('fsck.erofs', '-d1', `--device=${debian}`, ours);
  },
);

function indexFile(tar: number): Buffer {
  const indexer = new LayerIndexer();
  const size = fstatSync(tar).size;
  const read = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(tar, bytes, 0, length, offset));
  };
  scanTar({ size, read }, { entry: (entry, place) => void indexer.add(entry, place) });
  return imageBytes(indexer.finish(), { tar: { tag: 'd'.repeat(64), sizeBytes: size, read } });
}

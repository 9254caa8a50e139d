import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { readArchive } from './archive.fixture.ts';
import type { ReadArchive, ReadMember } from './archive.fixture.ts';
import type { TarEntry } from './index.ts';
import { setEarlyTimes, setFineEarlyTimes, setFineTimes, setPlainTimes } from './tree.fixture.ts';
import { isInstalled, isRoot, makePlainTree, makeRichTree, makeSparseFile } from './tree.fixture.ts';
import { readTree, run, temporaryDirectory } from './tree.fixture.ts';

type Program = 'tar' | 'bsdtar' | 'python3';
type Tree = 'plain' | 'rich';
type Times = 'plain' | 'early' | 'fine' | 'fine-early';

const makeTree = { plain: makePlainTree, rich: makeRichTree };
const setTimes = { plain: setPlainTimes, early: setEarlyTimes, fine: setFineTimes, 'fine-early': setFineEarlyTimes };

/**
 * Who writes which dialect, and the most demanding tree and times that it stores right: bsdtar has no times before 1970
 * in GNU archives and miscounts their fractions in PAX, Python computes with floats.
 */
const writers: readonly (readonly [Program, string, Tree, Times])[] = [
  ['tar', 'v7', 'plain', 'plain'],
  ['tar', 'oldgnu', 'rich', 'early'],
  ['tar', 'gnu', 'rich', 'early'],
  ['tar', 'ustar', 'plain', 'plain'],
  ['tar', 'posix', 'rich', 'fine-early'],
  ['bsdtar', 'v7', 'plain', 'plain'],
  ['bsdtar', 'ustar', 'plain', 'plain'],
  ['bsdtar', 'gnutar', 'rich', 'plain'],
  ['bsdtar', 'pax', 'rich', 'fine'],
  ['python3', 'USTAR_FORMAT', 'plain', 'plain'],
  ['python3', 'GNU_FORMAT', 'rich', 'early'],
  ['python3', 'PAX_FORMAT', 'rich', 'early'],
];

const pythonWrites = `
import sys, tarfile
archive, tree, form = sys.argv[1:]
with tarfile.open(archive, 'w', format=getattr(tarfile, form)) as tar:
    tar.add(tree, arcname='.')
`;

for (const [program, dialect, kind, times] of writers) {
  const skip = isInstalled(program) ? false : `${program} is not installed`;
  test(`what ${program} writes as ${dialect} reads as the tree it was made of`, { skip }, (t) => {
    const directory = temporaryDirectory(t);
    const tree = join(directory, 'tree');
    mkdirSync(tree);
    makeTree[kind](tree);
    // V7 has neither devices nor FIFOs.
    if (dialect === 'v7') run('sh', '-c', `rm -f ${tree}/dir/fifo ${tree}/dir/null ${tree}/dir/disk`);
    setTimes[times](tree);
    const read = archived(program, [join(directory, 'a.tar'), tree, dialect]);
    assertSameTree(read, tree);
  });
}

for (const [program, options] of [
  ['tar', ['--format=oldgnu', '--sparse']],
  ['tar', ['--format=gnu', '--sparse']],
  ['tar', ['--format=posix', '--sparse', '--sparse-version=0.0']],
  ['tar', ['--format=posix', '--sparse', '--sparse-version=0.1']],
  ['tar', ['--format=posix', '--sparse', '--sparse-version=1.0']],
  ['bsdtar', ['--format=pax']],
] as const) {
  const skip = isInstalled(program) ? false : `${program} is not installed`;
  test(`sparse files of ${program} ${options.join(' ')}`, { skip }, (t) => {
    const directory = temporaryDirectory(t);
    const tree = join(directory, 'tree');
    mkdirSync(tree);
    const many = Array.from({ length: 60 }, (_, index) => index * 65_536);
    makeSparseFile(join(tree, 'many'), { size: 60 * 65_536, at: many, text: 'many' });
    makeSparseFile(join(tree, 'large'), { size: 9 * 2 ** 30 + 5, at: [4096, 2 ** 33], text: 'large' });
    makeSparseFile(join(tree, 'hole'), { size: 2 ** 20, at: [], text: '' });
    makeSparseFile(join(tree, 'n'.repeat(200)), { size: 2 ** 20, at: [2 ** 19], text: 'long' });
    setPlainTimes(tree);
    const archive = join(directory, 'a.tar');
    run(program, '-C', tree, ...options, '-cf', archive, '.');
    const read = readArchive(readFileSync(archive), { maxRestoredBytes: 2 ** 22 });
    assertSameTree(read, tree, { maxHashed: 2 ** 22 });
    assertHoles(read, 'large', [4096, 2 ** 33]);
    assertHoles(read, 'many', many);
    assertHoles(read, 'hole', []);
  });
}

for (const [program, options] of [
  ['tar', ['--format=posix', '--xattrs', '--xattrs-include=*']],
  ['bsdtar', ['--format=pax', '--xattrs']],
] as const) {
  const skip = !isRoot
    ? 'only root can set security.capability'
    : isInstalled(program) && isInstalled('setfattr')
      ? false
      : `${program} or setfattr is not installed`;
  test(`extended attributes of ${program} are bytes`, { skip }, (t) => {
    const directory = temporaryDirectory(t);
    const tree = join(directory, 'tree');
    mkdirSync(tree);
    makePlainTree(tree);
    const capability = '0x0100000200040000000000000000000000000000';
    run('setfattr', '-n', 'security.capability', '-v', capability, join(tree, 'dir/511'));
    run('setfattr', '-n', 'user.bytes', '-v', '0x000aff3d', join(tree, 'dir/511'));
    run('setfattr', '-n', 'user.on.dir', '-v', 'text', join(tree, 'dir'));
    const archive = join(directory, 'a.tar');
    run(program, '-C', tree, ...options, '-cf', archive, 'dir');
    const entries = new Map(readArchive(readFileSync(archive)).members.map(({ entry }) => [entry.path, entry]));
    assert.deepEqual(hexAttributes(entries.get(bytesOf('dir/511'))), [
      ['security.capability', capability.slice(2)],
      ['user.bytes', '000aff3d'],
    ]);
    assert.deepEqual(hexAttributes(entries.get(bytesOf('dir'))), [
      ['user.on.dir', Buffer.from('text').toString('hex')],
    ]);
  });
}

test(
  'global PAX headers are ignored as Go ignores them, and applied where that is asked for',
  { skip: isInstalled('tar') ? false : 'tar is not installed' },
  (t) => {
    const directory = temporaryDirectory(t);
    closeSync(openSync(join(directory, 'file'), 'w'));
    const archive = join(directory, 'a.tar');
    run('tar', '-C', directory, '--format=posix', '--pax-option=mtime=123', '--mtime=@99', '-cf', archive, 'file');
    const bytes = readFileSync(archive);
    assert.ok(bytes.includes('mtime=123'));
    assert.equal(readArchive(bytes).members[0]?.entry.mtime.sec, 99);
    assert.equal(readArchive(bytes, { globalRecords: 'apply' }).members[0]?.entry.mtime.sec, 123);
  },
);

function archived(program: Program, [archive, tree, dialect]: [string, string, string]): ReadArchive {
  if (program === 'python3') run('python3', '-c', pythonWrites, archive, tree, dialect);
  else run(program, '-C', tree, `--format=${dialect}`, '-cf', archive, '.');
  return readArchive(readFileSync(archive));
}

function assertSameTree(read: ReadArchive, root: string, options: { readonly maxHashed?: number } = {}): void {
  assert.equal(read.fault, undefined);
  const tree = readTree(root, options);
  const seen = new Map<ByteString, ReadMember>();
  for (const member of read.members) if (member.entry.path !== '.') seen.set(cleaned(member.entry.path), member);
  assert.deepEqual([...seen.keys()].toSorted(), [...tree.keys()].toSorted());
  for (const [path, { entry, contentSha256 }] of seen) {
    const { inode, ...file } = tree.get(path) ?? assert.fail();
    if (entry.type === 'link') {
      assert.equal(tree.get(cleaned(entry.link))?.inode, inode);
      continue;
    }
    const found = {
      type: entry.type as string,
      mode: entry.mode,
      ids: [entry.uid, entry.gid],
      mtimeNs: BigInt(entry.mtime.sec) * 1_000_000_000n + BigInt(entry.mtime.nsec),
      size: entry.size,
      link: entry.link,
      device: [entry.devMajor, entry.devMinor],
      contentSha256: entry.type === 'file' ? contentSha256 : undefined,
    };
    assert.deepEqual(found, file, path);
  }
}

function assertHoles(read: ReadArchive, name: string, at: readonly number[]): void {
  const member = read.members.find(({ entry }) => entry.path === `./${name}`) ?? assert.fail();
  const segments = member.place.segments ?? assert.fail();
  for (const offset of at) {
    assert.ok(
      segments.some((each) => each.offset <= offset && offset < each.offset + each.length),
      `data at ${offset}`,
    );
  }
  assert.ok(member.place.storedSize <= (at.length + 1) * 65_536);
}

function cleaned(path: ByteString): ByteString {
  return path.replace(/^\.\//, '') as ByteString;
}

function hexAttributes(entry: TarEntry | undefined): [string, string][] {
  return [...(entry ?? assert.fail()).xattrs].map(([name, value]) => [
    name,
    Buffer.from(value, 'latin1').toString('hex'),
  ]);
}

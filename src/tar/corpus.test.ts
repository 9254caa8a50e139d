import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { readArchive } from './archive.fixture.ts';
import type { ReadMember } from './archive.fixture.ts';
import { isInstalled } from './tree.fixture.ts';

/** What Go's archive/tar says of an archive that others made; `../shared/data/README.md` describes the fields. */
interface Expectation {
  readonly file: string;
  readonly compression: string;
  readonly entries: readonly GoEntry[];
  readonly error?: string;
}

interface GoEntry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: string;
  readonly linkname?: string;
  readonly dev?: readonly [major: number, minor: number];
  readonly pax?: Readonly<Record<string, string>>;
  readonly contentSha256?: string;
}

interface Difference {
  readonly reason: string;
  /** The code of our Fault; otherwise the archive is read. */
  readonly fault?: string;
  /** The attributes that we see, in place of Go's. */
  readonly xattrs?: readonly (readonly [string, string])[];
}

/** Where this reader means to differ from Go's. */
const differences: Readonly<Record<string, Difference>> = {
  './node-tar/excessively-deep.tar': { reason: 'Linux takes no name of 444,749 bytes', fault: 'exhausted' },
  './libarchive/test_pax_xattr_header_libarchive.tar': {
    reason: 'Go knows no LIBARCHIVE.xattr records',
    xattrs: [
      ['SCHILY.xattr.user.data1', 'ABCDEFG'],
      ['SCHILY.xattr.user.data2', 'XYZ'],
    ],
  },
};

/** Go hands these to its caller: global headers, volume labels, Solaris' access control lists. They are no files. */
const noFiles = new Set(['g', 'V', 'A']);

const corpus = join(import.meta.dirname, '../../../shared/data/tar');
const skip = existsSync(corpus) ? false : 'the archives of ../shared/data/tar are not here';

test('every archive of the corpus reads as Go reads it', { skip }, async (t) => {
  for (const expected of expectations()) {
    await t.test(expected.file, () => {
      const { reason, fault, xattrs } = differences[expected.file] ?? { reason: 'as Go' };
      const read = readArchive(archiveOf(expected), { maxRestoredBytes: 256 * 1024 * 1024 });
      if (fault !== undefined) return assert.equal(read.fault?.code, fault, reason);
      assert.equal(read.fault !== undefined, expected.error !== undefined, `${expected.error} but ${read.fault}`);
      const files = expected.entries.filter((entry) => !noFiles.has(entry.type));
      const wanted = files.map((entry) => Object.assign(translated(entry), xattrs && { xattrs }));
      assert.deepEqual(read.members.map(shown), wanted, reason);
    });
  }
});

test('every archive of the corpus reads the same however it is cut into chunks', { skip }, () => {
  for (const expected of expectations()) {
    const archive = archiveOf(expected);
    const whole = readArchive(archive);
    for (const chunkBytes of [1, 7, 511, 512, 513, 4096]) {
      const cut = readArchive(archive, { chunkBytes: () => chunkBytes });
      assert.deepEqual(cut, whole, `${expected.file} in chunks of ${chunkBytes}`);
    }
  }
});

/** Archives that Go was given encoded, and so refused; what Go's own tests say of the decoded ones. */
const encoded: readonly (readonly [file: string, wanted: object])[] = [
  ['gnu-sparse-big', { entries: [['gnu-sparse', 60_000_000_000, 6]], fault: undefined }],
  ['pax-sparse-big', { entries: [['pax-sparse', 60_000_000_000, 6]], fault: undefined }],
  [
    'writer-big-long',
    { entries: [[`${'longname/'.repeat(15)}16gig.txt`, 17_179_869_184, undefined]], fault: 'corrupt' },
  ],
  ['neg-size', { entries: [], fault: 'invalid' }],
];

for (const [name, wanted] of encoded) {
  test(`the archive ${name} of Go, decoded`, { skip }, () => {
    const archive = Buffer.from(readFileSync(join(corpus, `go/${name}.tar.base64`), 'latin1'), 'base64');
    const { members, fault } = readArchive(archive);
    const entries = members.map(({ entry, place }) => [entry.path, entry.size, place.segments?.length]);
    assert.deepEqual({ entries, fault: fault?.code }, wanted);
  });
}

/** How archives in compressions that Go was not asked to undo are to be had. */
const decompressors: Readonly<Record<string, string>> = {
  Z: 'uncompress',
  txz: 'xz',
  xz: 'xz',
  tlz: 'xz',
  lzma: 'xz',
  zst: 'zstd',
};

const toolsMissing = skip || missing('bsdtar', 'uncompress', 'xz', 'zstd');

test('archives in other compressions list as bsdtar lists them', { skip: toolsMissing }, async (t) => {
  for (const file of readdirSync(join(corpus, 'libarchive')).toSorted()) {
    const program = decompressors[file.split('.').at(-1) ?? ''];
    if (program === undefined) continue;
    await t.test(file, () => {
      const input = readFileSync(join(corpus, 'libarchive', file));
      const archive = spawnSync(program, ['-dc'], { input, maxBuffer: 1 << 30 }).stdout;
      const listing = spawnSync('bsdtar', ['-tf', '-'], { input: archive, encoding: 'latin1' });
      const read = readArchive(archive);
      assert.equal(read.fault === undefined, listing.status === 0, `${listing.stderr} but ${read.fault}`);
      const names = read.members.map(({ entry }) => (entry.type === 'dir' ? `${entry.path}/` : entry.path));
      if (listing.status === 0) assert.deepEqual(names, namesIn(listing.stdout));
    });
  }
});

/** The names in a listing of bsdtar, which writes bytes that are no text as `\\NNN`. */
function namesIn(listing: string): string[] {
  const names = listing.split('\n').slice(0, -1);
  return names.map((name) => name.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))));
}

function expectations(): Expectation[] {
  const lines = readFileSync(join(corpus, 'expected.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Expectation);
}

/** Why a test that needs these programs is skipped; false where it is not. */
function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((program) => !isInstalled(program));
  return absent.length === 0 ? false : `${absent.join(', ')} not installed`;
}

function archiveOf(expected: Expectation): Buffer {
  const bytes = readFileSync(join(corpus, expected.file));
  if (expected.compression === 'gzip') return gunzipSync(bytes);
  if (expected.compression === 'bzip2') return execFileSync('bzip2', ['-dc'], { input: bytes, maxBuffer: 1 << 30 });
  return bytes;
}

const types: Readonly<Record<string, string>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'dir',
  D: 'dir',
  '6': 'fifo',
};

function translated(entry: GoEntry): object {
  const type = types[entry.type] ?? entry.type;
  const isFile = type === 'file';
  return {
    path: withOneMark(entry.name.replace(/\/+$/, '')),
    type,
    mode: entry.mode & 0o7777,
    ids: [entry.uid, entry.gid],
    size: isFile ? entry.size : 0,
    mtime: entry.mtime,
    link: type === 'link' || type === 'symlink' ? withOneMark(entry.linkname ?? '') : '',
    contentSha256: isFile ? entry.contentSha256 : undefined,
    dev: type === 'char' || type === 'block' ? entry.dev : undefined,
    xattrs: Object.entries(entry.pax ?? {})
      .filter(([key]) => key.startsWith('SCHILY.xattr.'))
      .map(([key, value]) => [key, withOneMark(value)]),
  };
}

function shown({ entry, contentSha256 }: ReadMember): object {
  const isDevice = entry.type === 'char' || entry.type === 'block';
  const { sec, nsec } = entry.mtime;
  return {
    path: textShown(entry.path),
    type: entry.type,
    mode: entry.mode,
    ids: [entry.uid, entry.gid],
    size: entry.size,
    mtime: `${sec}.${String(nsec).padStart(9, '0')}`,
    link: textShown(entry.link),
    contentSha256: entry.type === 'file' ? contentSha256 : undefined,
    dev: isDevice ? [entry.devMajor, entry.devMinor] : undefined,
    xattrs: [...entry.xattrs].map(([name, value]) => [`SCHILY.xattr.${name}`, textShown(value)]),
  };
}

/** As far as Go's JSON has it: bytes that are no UTF-8 are lost there. */
function textShown(bytes: string): string {
  return withOneMark(Buffer.from(bytes, 'latin1').toString('utf8'));
}

function withOneMark(text: string): string {
  return text.replaceAll(/\ufffd+/g, '\ufffd');
}

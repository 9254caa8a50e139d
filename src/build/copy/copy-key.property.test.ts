import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { bytesFrom, bytesOf, type ByteString } from '../../std/index.ts';
import { randomDraws, type Draw } from '../../std/random-numbers.fixture.ts';
import { plainCopyPlan, type CopyPlan } from './copy-plan.ts';
import { copyRoots } from './copy-roots.ts';
import { scanCopy } from './copy-scan.ts';
import { Pace } from '../pace.ts';
import type { SourceNode, SourceTree } from '../source/source-tree.ts';

/** A file as it gets into a layer, beside what is no part of it. */
interface Drawn {
  readonly type: 'file' | 'dir' | 'symlink' | 'fifo';
  readonly mode: number;
  readonly uid: number;
  readonly content: string;
  readonly xattrs: ReadonlyMap<ByteString, ByteString>;
  /** Equal for names of one file. */
  readonly identity: string;
  readonly mtimeSec: number;
}
type Files = ReadonlyMap<string, Drawn>;

/** A tree in memory. Of a symlink the content is its target. */
class DrawnTree implements SourceTree {
  readonly #files: Files;
  /** Hashes are made anew for each tree, or are known beforehand. */
  readonly #knowsHashes: boolean;

  constructor(files: Files, knowsHashes: boolean) {
    this.#files = files;
    this.#knowsHashes = knowsHashes;
  }

  stat(path: ByteString): SourceNode | undefined {
    if (path === '') return nodeOf('', directory, 1);
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    const names = [...this.#files.values()].filter(({ identity }) => identity === file.identity);
    return nodeOf(path, file, names.length);
  }

  resolve(path: ByteString): ByteString {
    return path;
  }

  list(path: ByteString): readonly ByteString[] {
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...this.#files.keys()].filter((each) => each.startsWith(prefix));
    const names = below.map((each) => each.slice(prefix.length)).filter((each) => !each.includes('/'));
    return names.toSorted() as ByteString[];
  }

  *walk(path: ByteString): Generator<SourceNode, void, undefined> {
    for (const name of this.list(path)) {
      const inner = (path === '' ? name : `${path}/${name}`) as ByteString;
      const node = this.stat(inner);
      if (node === undefined) continue;
      yield node;
      if (node.type === 'dir') yield* this.walk(inner);
    }
  }

  *read({ path }: SourceNode): Generator<Uint8Array, void, undefined> {
    const content = this.#files.get(path)?.content ?? '';
    if (content !== '') yield Buffer.from(content);
  }

  knownHash({ path }: SourceNode): ByteString | undefined {
    const content = this.#files.get(path)?.content ?? '';
    return this.#knowsHashes ? bytesFrom(createHash('sha256').update(content).digest()) : undefined;
  }

  remember(): void {}
  flush(): void {}
}

const directory: Drawn = {
  type: 'dir',
  mode: 0o755,
  uid: 0,
  content: '',
  xattrs: new Map(),
  identity: 'root',
  mtimeSec: 0,
};

function nodeOf(path: string, file: Drawn, nlink: number): SourceNode {
  const { type, mode, uid, content, xattrs, identity, mtimeSec } = file;
  return {
    path: path as ByteString,
    type,
    mode,
    uid,
    gid: uid,
    size: type === 'file' ? content.length : 0,
    mtime: { sec: mtimeSec, nsec: 0 },
    rdevMajor: 0,
    rdevMinor: 0,
    nlink,
    identity,
    link: bytesOf(type === 'symlink' ? content : ''),
    xattrs,
  };
}

async function digestOf(files: Files, plan: CopyPlan, knowsHashes = false): Promise<string> {
  const tree = new DrawnTree(files, knowsHashes);
  const roots = copyRoots(plan, { tree, fetched: [] }).map((root, index) => ({ root, index, place: root.path }));
  const findings = await scanCopy({ plan, roots, pace: new Pace(new AbortController().signal, 'test') });
  assert.ok(findings !== undefined);
  return findings.record.digest;
}

/** The same for the same seed. */
class Dice {
  readonly roll: Draw;

  constructor(seed: number) {
    this.roll = randomDraws(seed);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.roll(items.length)];
    assert.ok(item !== undefined);
    return item;
  }
}

function draw(dice: Dice): Files {
  const files = new Map<string, Drawn>([['f', { ...directory, type: 'file', content: 'f', identity: 'f' }]]);
  const folders = [''];
  for (let count = 3 + dice.roll(8); count > 0; count -= 1) {
    const path = `${dice.pick(folders)}${dice.pick(['a', 'b.txt', 'c c', bytesOf('ü'), '-'])}${dice.roll(10)}`;
    if (files.has(path)) continue;
    const type = dice.pick(['file', 'file', 'dir', 'symlink', 'fifo'] as const);
    const content = type === 'file' || type === 'symlink' ? `${dice.roll(100)}` : '';
    const mode = type === 'symlink' ? 0o777 : dice.pick([0o644, 0o755, 0o4711, 0o600]);
    files.set(path, { type, mode, uid: dice.roll(3), content, xattrs: new Map(), identity: path, mtimeSec: 0 });
    if (type === 'dir') folders.push(`${path}/`);
  }
  return files;
}

const plan = plainCopyPlan('/', '/x');

function changed(files: Files, path: string, change: Partial<Drawn>): Files {
  return new Map([...files].map(([name, file]) => [name, name === path ? { ...file, ...change } : file]));
}

/** Changes that a layer shows. Undefined where the file is not of a type that can be changed so. */
const effects: Readonly<Record<string, (files: Files, path: string, file: Drawn) => Files | undefined>> = {
  content: (files, path, { type }) => (type === 'file' ? changed(files, path, { content: 'other' }) : undefined),
  'content of the same length': (files, path, { type, content }) =>
    type === 'file' ? changed(files, path, { content: content.replaceAll(/./g, '#') }) : undefined,
  target: (files, path, { type }) => (type === 'symlink' ? changed(files, path, { content: 'other' }) : undefined),
  mode: (files, path, { type, mode }) =>
    type === 'symlink' ? undefined : changed(files, path, { mode: mode ^ 0o020 }),
  'special bits': (files, path, { mode }) => changed(files, path, { mode: mode ^ 0o4000 }),
  owner: (files, path, { uid }) => changed(files, path, { uid: uid + 1 }),
  'an attribute': (files, path) => changed(files, path, { xattrs: new Map([[bytesOf('user.a'), bytesOf('b')]]) }),
  type: (files, path, { type }) => (type === 'fifo' ? changed(files, path, { type: 'file', content: '' }) : undefined),
  'a name': (files, path, { type }) =>
    type === 'dir' ? undefined : new Map([...files].map(([name, file]) => [name === path ? `${name}_` : name, file])),
  'a file less': (files, path, { type }) =>
    type === 'dir' || files.size === 1 ? undefined : new Map([...files].filter(([name]) => name !== path)),
  'a file more': (files, path, file) =>
    file.type === 'dir' ? new Map([...files, [`${path}/new`, { ...file, type: 'fifo', identity: 'new' }]]) : undefined,
  'one file with two names': (files, path, file) =>
    file.type === 'file' && path !== 'f' && files.get('f')?.type === 'file'
      ? changed(changed(files, path, { ...file, identity: 'f' }), 'f', { ...file, identity: 'f' })
      : undefined,
};

/** Changes that no layer shows. */
const nothings: Readonly<Record<string, (files: Files, path: string) => Files>> = {
  'a time': (files, path) => changed(files, path, { mtimeSec: 12_345 }),
  'other inodes': (files) =>
    new Map([...files].map(([name, file]) => [name, { ...file, identity: `new ${file.identity}` }])),
  'the order of creation': (files) => new Map([...files].toReversed()),
};

const plans: Readonly<Record<string, CopyPlan>> = {
  'as it is': plan,
  'another destination': { ...plan, destination: '/y' },
  'a directory as destination': { ...plan, destination: '/x/' },
  'a mode': { ...plan, chmod: '700' },
  'a mode by letters': { ...plan, chmod: 'u+x' },
  'an owner': { ...plan, chown: '1:2' },
  'an owner by name': { ...plan, chown: 'app' },
  'one file': { ...plan, words: [{ kind: 'path', text: 'f' }] },
  'one file that is unpacked': { ...plan, words: [{ kind: 'path', text: 'f' }], unpacks: { paths: true, urls: false } },
  'one file with its parents': { ...plan, words: [{ kind: 'path', text: 'f' }], keepsParents: true },
  'without that file': { ...plan, excludes: ['f'] },
  'a here-document': { ...plan, inlineFiles: [{ name: 'h', content: 'h' }] },
  'a here-document of other content': { ...plan, inlineFiles: [{ name: 'h', content: 'i' }] },
};

/** Two ways to say the same. */
const sayings: Readonly<Record<string, readonly [CopyPlan, CopyPlan]>> = {
  'an octal mode with zeros': [
    { ...plan, chmod: '644' },
    { ...plan, chmod: '00644' },
  ],
  'a user for both': [
    { ...plan, chown: '5' },
    { ...plan, chown: '5:5' },
  ],
  'a path with dots': [plan, { ...plan, words: [{ kind: 'path', text: './../.' }] }],
  'a pattern for its only match': [
    { ...plan, words: [{ kind: 'path', text: 'f' }] },
    { ...plan, words: [{ kind: 'path', text: '[f]' }] },
  ],
  'what is left out is not there': [plan, { ...plan, excludes: ['nothing', '**/no/*'] }],
  'a directory with archives is not unpacked': [plan, { ...plan, unpacks: { paths: true, urls: false } }],
};

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

for (const [name, effect] of Object.entries(effects)) {
  test(`the key of a COPY: ${name} changes it`, async () => {
    let tried = 0;
    for (const seed of seeds) {
      const files = draw(new Dice(seed));
      for (const [path, file] of files) {
        const other = effect(files, path, file);
        if (other === undefined) continue;
        tried += 1;
        assert.notEqual(await digestOf(other, plan), await digestOf(files, plan), `seed ${seed}, ${path}`);
      }
    }
    assert.ok(tried > 10);
  });
}

for (const [name, nothing] of Object.entries(nothings)) {
  test(`the key of a COPY: ${name} does not change it`, async () => {
    for (const seed of seeds) {
      const dice = new Dice(seed);
      const files = draw(dice);
      const other = nothing(files, dice.pick([...files.keys()]));
      assert.equal(await digestOf(other, plan), await digestOf(files, plan), `seed ${seed}`);
    }
  });
}

test('the key of a COPY: it does not matter whether hashes are known or found out', async () => {
  for (const seed of seeds) {
    const files = draw(new Dice(seed));
    assert.equal(await digestOf(files, plan, true), await digestOf(files, plan));
  }
});

test('the key of a COPY: different ways to copy have different keys', async () => {
  for (const seed of seeds) {
    const files = draw(new Dice(seed));
    const digests = new Map<string, string>();
    for (const [name, each] of Object.entries(plans)) {
      const digest = await digestOf(files, each);
      assert.equal(digests.get(digest), undefined, `seed ${seed}: ${name}`);
      digests.set(digest, name);
    }
  }
});

for (const [name, [one, other]] of Object.entries(sayings)) {
  test(`the key of a COPY: the same, said in two ways: ${name}`, async () => {
    for (const seed of seeds) {
      const files = draw(new Dice(seed));
      assert.equal(await digestOf(files, one), await digestOf(files, other), `seed ${seed}`);
    }
  });
}

/**
 * Where a build takes its files and its Dockerfile from: standard input, URLs, git, named contexts. Where a real Docker is
 * at hand, it builds the same and must come to the same tree, but for the differences that are named.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gitServer, TestRepository, type GitServer } from '../src/source/git-server.fixture.ts';
import { needsDocker } from '../src/std/docker-peer.fixture.ts';
import { DockerOracle } from './docker-oracle.ts';
import { hostileTar } from './hostile-tar.ts';
import { readImageArchive, treeChanges } from './image-archive.ts';
import { needsRoot, runProgram, TestStore, type Ended, type FileTree } from './test-store.ts';

const name = 'varve-contexts:made';
const baseName = 'varve-contexts:base';

const files: FileTree = {
  Dockerfile: 'FROM scratch\nCOPY . /\n',
  'other.Dockerfile': 'FROM scratch\nCOPY sub /\n',
  '.dockerignore': 'secret\n',
  secret: 'said to nobody\n',
  a: 'a\n',
  run: { mode: 0o755, content: '#!/bin/sh\n' },
  'sub/b': 'b\n',
  'sub/Dockerfile': 'FROM scratch\nCOPY b /from-sub\n',
  link: { link: 'sub/b' },
};

interface Build {
  readonly args: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** Why Docker comes to something else; it is then not asked. */
  readonly difference?: string;
}

describe('contexts', { skip: needsRoot }, () => {
  const store = new TestStore();
  const oracle = needsDocker === false ? new DockerOracle(join(store.folder, 'docker')) : undefined;
  const folder = store.context('context', files);
  let base: ReadonlyMap<string, string>;
  let git: GitServer;
  let web: Server;
  let origin = '';

  before(async () => {
    web = createServer((request, response) => {
      const path = join(store.folder, 'served', request.url ?? '');
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    serveRepository(join(store.folder, 'repositories/app'));
    git = await gitServer(join(store.folder, 'repositories'));
    const context = store.context('base', { Dockerfile: 'FROM scratch\nCOPY base /\nLABEL of=base\n', base: 'base\n' });
    await store.ok(['build', '-q', '-t', baseName, context]);
    const archive = join(store.folder, 'base.tar');
    await store.ok(['save', '-o', archive, baseName]);
    base = readImageArchive(archive).tree;
    await oracle?.load(archive, baseName);
  });
  after(async () => {
    await git[Symbol.asyncDispose]();
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
    await oracle?.[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  /** What the build comes to: the paths of the image, as Docker has them too. */
  async function built({ args, stdin, difference }: Build): Promise<ReadonlyMap<string, string>> {
    const input = stdin === undefined ? {} : { stdin };
    await store.ok(['build', '--progress=plain', '-t', name, ...args], input);
    const archive = join(store.folder, 'made.tar');
    await store.ok(['save', '-o', archive, name]);
    const { tree } = readImageArchive(archive);
    if (oracle === undefined || difference !== undefined) return tree;
    const theirs = await oracle.build(name, args, input);
    assert.equal(theirs.code, 0, theirs.stderr);
    assert.deepEqual(treeChanges((await oracle.facts(name)).tree, tree), []);
    return tree;
  }

  async function paths(build: Build): Promise<readonly string[]> {
    return [...(await built(build)).keys()].filter((path) => path !== '/' && path !== '').toSorted();
  }

  function refused(args: readonly string[], stdin?: string | Uint8Array): Promise<Ended> {
    return store.run(['build', '-q', ...args], stdin === undefined ? {} : { stdin });
  }

  function serve(path: string, content: string | Uint8Array): string {
    mkdirSync(join(store.folder, 'served'), { recursive: true });
    writeFileSync(join(store.folder, 'served', path), content);
    return `${origin}/${path}`;
  }

  const everything = Object.keys(files)
    .map((path) => `/${path}`)
    .concat('/sub')
    .toSorted();

  describe('on standard input', () => {
    const notInDocker = { '--xz': 'its machine may have no xz', '--zstd': 'Docker takes zstd for a Dockerfile' };
    for (const compression of ['--no-auto-compress', '--gzip', '--bzip2', '--xz', '--zstd']) {
      test(`a tar archive, ${compression}: all that is in it, whatever .dockerignore says`, async () => {
        const difference = Object.entries(notInDocker).find(([flag]) => flag === compression)?.[1];
        const stdin = tarOf(folder, '--owner=1000', '--group=7', compression);
        const tree = await built({ args: ['-'], stdin, ...(difference === undefined ? {} : { difference }) });
        assert.deepEqual([...tree.keys()].filter((path) => path !== '/').toSorted(), everything);
        assert.match(tree.get('/a') ?? '', /1000:7/);
      });
    }

    test('the same archive once more is reused', async () => {
      await store.ok(['build', '-q', '-'], { stdin: tarOf(folder) });
      const { stderr } = await store.ok(['build', '--progress=plain', '-'], { stdin: tarOf(folder) });
      assert.match(stderr, /CACHED/);
    });

    test('-f is a path in the archive', async () => {
      assert.deepEqual(await paths({ args: ['-f', 'other.Dockerfile', '-'], stdin: tarOf(folder) }), [
        '/Dockerfile',
        '/b',
      ]);
    });

    test('a Dockerfile: there is nothing to copy', async () => {
      const tree = await built({ args: ['-'], stdin: `FROM ${baseName}\nCOPY . /\nLABEL a=b\n` });
      assert.deepEqual(treeChanges(base, tree), []);
      const { code, stderr } = await refused(['-'], 'FROM scratch\nCOPY a /\n');
      assert.equal(code, 1);
      assert.match(stderr, /"\/a": not found/);
    });

    test('-f - beside a directory, an archive by URL and a repository', async () => {
      const stdin = 'FROM scratch\nCOPY a* run* sec[r]et* /\n';
      assert.deepEqual(await paths({ args: ['-f', '-', folder], stdin }), ['/a', '/run']);
      const url = serve('context.tar', tarOf(folder));
      assert.deepEqual(await paths({ args: ['-f', '-', url], stdin }), ['/a', '/run', '/secret']);
      const args = ['-f', '-', `${git.origin}/app/.git`];
      assert.deepEqual(await paths({ args, stdin, difference: 'its machine may have no git' }), [
        '/a',
        '/run',
        '/secret',
      ]);
    });

    test('what cannot be is an error that says what to do', async () => {
      const cases: readonly (readonly [readonly string[], string | Uint8Array, RegExp])[] = [
        [['-'], '', /nothing came\nhint: pipe a Dockerfile or a tar archive/],
        [
          ['-f', 'x', '-'],
          'FROM scratch\n',
          /ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles/,
        ],
        [['-f', '-', '-'], 'FROM scratch\n', /can't use stdin for both build context and dockerfile/],
        [['-f', 'nope', '-'], tarOf(folder), /failed to read dockerfile: open nope: no such file or directory/],
        [['-f', 'sub', '-'], tarOf(folder), /read the Dockerfile \/sub: it is a dir, not a file/],
        [['-'], tarOf(folder, '--gzip').subarray(0, 200), /read the archive on standard input: decompress gzip/],
        [
          ['-'],
          tarOf(folder, '--xz').subarray(0, 200),
          /read the archive on standard input: xz ended with exit code 1/,
        ],
        [
          ['-'],
          tarOf(store.context('cut', { large: Buffer.alloc(4096) })).subarray(0, 3000),
          /read the archive on standard input: read tar: the archive is cut off/,
        ],
        [['-'], Buffer.from([0xff, 0xfe, 0, 1]), /dockerfile parse error|unknown instruction/],
      ];
      for (const [args, stdin, expected] of cases) {
        const { code, stderr } = await refused(args, stdin);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
      }
    });
  });

  describe('by URL', () => {
    test('an archive is what is in it', async () => {
      assert.deepEqual(await paths({ args: [serve('context.tgz', tarOf(folder, '--gzip'))] }), everything);
    });

    test('a text is the Dockerfile, and all that there is to copy', async () => {
      const url = serve('made.Dockerfile', 'FROM scratch\nCOPY . /\n');
      const tree = await built({ args: [url], difference: 'the time of a file whose server says none' });
      assert.match(tree.get('/context') ?? '', /600 /);
      const { stderr } = await refused(['-f', 'x', url]);
      assert.match(stderr, /ambiguous Dockerfile source: both http:.* and flag correspond to Dockerfiles/);
    });

    test('-f may be a URL, or a file of this machine', async () => {
      const url = serve('a.Dockerfile', 'FROM scratch\nCOPY a /\n');
      assert.deepEqual(await paths({ args: ['-f', url, folder] }), ['/a']);
      const own = join(store.context('own', { D: 'FROM scratch\nCOPY sub/b /\n' }), 'D');
      assert.deepEqual(await paths({ args: ['-f', own, serve('context.tar', tarOf(folder))] }), ['/b']);
    });

    test('what is not there is an error', async () => {
      const { code, stderr } = await refused([`${origin}/nope`]);
      assert.deepEqual([code, /404/.test(stderr)], [1, true], stderr);
    });

    test('names in an archive lead nowhere', async () => {
      const outside = join(store.folder, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'canary'), 'alive');
      const url = serve('hostile.tar', hostileTar({ outside, busybox: Buffer.from('no program') }));
      const own = join(store.context('hostile', { D: 'FROM scratch\nCOPY . /all/\nCOPY absolute/ /absolute/\n' }), 'D');
      const made = await paths({ args: ['-f', own, url], difference: 'it refuses such archives' });
      assert.ok(made.includes('/all/from-dotdot') && made.includes('/all/file'), made.join('\n'));
      assert.deepEqual(readdirSync(outside), ['canary']);
      assert.equal(readFileSync(join(outside, 'canary'), 'utf8'), 'alive');
    });
  });

  describe('from git', () => {
    const difference = 'its machine may have no git, and has other times';

    test('a branch, a subdirectory, and a Dockerfile in it', async () => {
      const app = `${git.origin}/app/.git`;
      assert.deepEqual(await paths({ args: [app], difference }), everything);
      assert.deepEqual(await paths({ args: [`${app}#main:sub`], difference }), ['/from-sub']);
      assert.deepEqual(await paths({ args: ['-f', 'named', `${app}#old:sub`], difference }), ['/old']);
      assert.deepEqual(await paths({ args: [`${app}?branch=main&subdir=sub`], difference }), ['/from-sub']);
    });

    test('.git stays where BUILDKIT_CONTEXT_KEEP_GIT_DIR says so', async () => {
      const args = ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', `${git.origin}/app/.git`];
      assert.ok((await paths({ args, difference })).includes('/.git/HEAD'));
    });

    test('what is not there is an error that names it', async () => {
      for (const [what, expected] of [
        ['/app/.git#nope', /nope/],
        ['/app/.git#main:nope', /nope/],
        ['/nope.git', /nope\.git/],
      ] as const) {
        const { code, stderr } = await refused([`${git.origin}${what}`]);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
      }
    });
  });

  describe('named', () => {
    const dockerfile = [
      'FROM scratch AS one',
      'COPY a /stage',
      'FROM one',
      'COPY --from=one . /one',
      'COPY --from=0 . /zero',
      'COPY --from=docker.io/library/two:latest . /two',
    ].join('\n');
    let named: string;
    let main: string;

    before(() => {
      named = store.context('named', { '.dockerignore': 'skipped', kept: 'kept\n', skipped: '', 'd/e': 'e\n' });
      main = store.context('main', { Dockerfile: dockerfile, a: 'a\n' });
    });

    test('a directory stands for a stage and for an image, by its own ignore file', async () => {
      const made = await paths({
        args: ['--build-context', `one=${named}`, '--build-context', `two=${named}`, main],
        difference: 'the times of folders that COPY makes',
      });
      const inside = ['/.dockerignore', '/d', '/d/e', '/kept'];
      const below = ['/one', '/two', '/zero'].flatMap((each) => [each, ...inside.map((path) => `${each}${path}`)]);
      assert.deepEqual(made, [...inside, ...below].toSorted());
    });

    test('a directory as base is one layer, reused the next time', async () => {
      const context = store.context('on-tree', { Dockerfile: 'FROM assets\nLABEL a=b\n' });
      const args = ['--build-context', `assets:latest=${named}`, context];
      assert.deepEqual(await paths({ args }), ['/.dockerignore', '/d', '/d/e', '/kept']);
      const { stderr } = await store.ok(['build', '--progress=plain', '-t', name, ...args]);
      assert.match(stderr, /CACHED/);
    });

    test('an image, by whatever name it is asked for', async () => {
      for (const asked of ['two', 'two:latest', 'docker.io/library/two', 'library/two:latest']) {
        const context = store.context('on-image', { Dockerfile: `FROM ${asked}\nLABEL a=b\n` });
        assert.deepEqual(await paths({ args: ['--build-context', `two=docker-image://${baseName}`, context] }), [
          '/base',
        ]);
      }
      const context = store.context('on-scratch', { Dockerfile: 'FROM two\nCOPY Dockerfile /\n' });
      assert.deepEqual(await paths({ args: ['--build-context', 'two=docker-image://scratch', context] }), [
        '/Dockerfile',
      ]);
    });

    test('an OCI layout, by tag, by digest and by being the only image', async () => {
      const layout = join(store.folder, 'layout');
      mkdirSync(layout);
      await runProgram('tar', ['-xf', join(store.folder, 'base.tar'), '-C', layout]);
      const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
        readonly manifests: readonly { readonly digest: string }[];
      };
      const context = store.context('on-layout', { Dockerfile: 'FROM two\nLABEL a=b\n' });
      for (const suffix of ['', ':base', `@${index.manifests[0]?.digest}`]) {
        const value = `two=oci-layout://${layout}${suffix}`;
        const difference = 'Docker without the containerd store knows no layouts';
        assert.deepEqual(await paths({ args: ['--build-context', value, context], difference }), ['/base']);
      }
      const { stderr } = await refused(['--build-context', `two=oci-layout://${layout}:nope`, context]);
      assert.match(stderr, /layout: manifest nope: not found/);
      const images = await store.ok(['images', '--format', '{{.Repository}}:{{.Tag}}']);
      assert.doesNotMatch(images.stdout, /oci-layout/);
    });

    test('a repository, and an archive by URL', async () => {
      const context = store.context('on-remote', { Dockerfile: 'FROM scratch\nCOPY --from=two sub/b /\n' });
      const difference = 'Docker copies the archive as a file, or fails';
      for (const value of [`${git.origin}/app/.git`, serve('named.tar', tarOf(folder))]) {
        assert.deepEqual(await paths({ args: ['--build-context', `two=${value}`, context], difference }), ['/b']);
      }
    });

    test('scratch and context are never replaced; what is not used is not opened', async () => {
      const context = store.context('no-names', { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' });
      const args = ['scratch', 'context', 'unused'].flatMap((each) => ['--build-context', `${each}=${named}`]);
      assert.deepEqual(await paths({ args: [...args, context] }), ['/a']);
      await store.ok(['build', '-q', '--build-context', `unused=${origin}/nope`, context]);
    });

    test('what cannot be a named context is an error that says so', async () => {
      const cases: readonly (readonly [string, RegExp])[] = [
        ['x', /invalid context value: x, expected key=value/],
        ['x=/nonexistent', /failed to get build context x: stat \/nonexistent: no such file or directory/],
        [`x=${join(main, 'a')}`, /failed to get build context x: stat .*: not a directory/],
        ['UP=.', /invalid context name UP: .*lower case/],
        ['x=target:y', /build context x: target:y is of bake files/],
        ['one=docker-image://', /parse image name "": it is empty/],
        ['one=oci-layout:///nonexistent', /open image layout \/nonexistent/],
      ];
      for (const [value, expected] of cases) {
        const { code, stderr } = await refused(['--build-context', value, main]);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
      }
    });
  });

  describe('a directory', () => {
    test('dockerfile in lower case will do', async () => {
      const context = store.context('lower', { dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' });
      assert.deepEqual(await paths({ args: [context] }), ['/a']);
    });

    test('what is wrong with it is an error that says what to do', async () => {
      const good = 'FROM scratch\nCOPY . /\n';
      const large = `# ${'x'.repeat(17 << 20)}\n${good}`;
      const cases: readonly (readonly [FileTree, RegExp])[] = [
        [{ 'Dockerfile/x': '' }, /read the Dockerfile .*: it is a dir, not a file\nhint: name the Dockerfile with -f/],
        [
          { Dockerfile: { link: '../context/Dockerfile' } },
          /open Dockerfile: no such file or directory\nhint: it is a symlink/,
        ],
        [{ x: '' }, /open Dockerfile: no such file or directory\nhint: name the Dockerfile with -f/],
        [{ Dockerfile: large }, /read the Dockerfile .*16777216/],
        [{ Dockerfile: good, '.dockerignore/x': '' }, /read the ignore file \.dockerignore: .*it is a dir/],
        [
          { Dockerfile: good, '.dockerignore': { link: '../x' } },
          /read the ignore file \.dockerignore: .*\nhint: it is a symlink/,
        ],
        [
          { Dockerfile: good, '.dockerignore': 'x'.repeat(17 << 20) },
          /read the ignore file \.dockerignore: .*16777216/,
        ],
        [{ Dockerfile: good, '.dockerignore': '[' }, /read \.dockerignore: syntax error in pattern: \[ \(line 1\)/],
      ];
      for (const [index, [tree, expected]] of cases.entries()) {
        const { code, stderr } = await refused([store.context(`wrong-${index}`, tree)]);
        assert.equal(code, 1, stderr);
        assert.match(stderr, expected);
      }
      assert.match(
        (await refused(['/nonexistent'])).stderr,
        /open the context \/nonexistent: no such file or directory/,
      );
      assert.match((await refused([join(folder, 'a')])).stderr, /open the context .*: not a directory/);
    });
  });

  test('context ls shows what a build copies', async () => {
    const listed = await store.ok(['context', 'ls', '-q', folder]);
    const made = await paths({ args: [folder] });
    assert.deepEqual(listed.stdout.trim().split('\n').toSorted(), made.map((path) => path.slice(1)).toSorted());
    const ignored = await store.ok(['context', 'ls', '--ignored', '--format', '{{.Path}} {{.Rule}}', folder]);
    assert.deepEqual(
      [ignored.stdout, ignored.stderr],
      ['secret .dockerignore:1: secret\n', 'left out: 1 file, 15B, not counting what is in folders\n'],
    );
  });
});

function tarOf(dir: string, ...flags: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('tar', ['-C', dir, ...flags, '-cf', '-', '.']);
  assert.equal(status, 0, stderr.toString());
  return stdout;
}

function serveRepository(path: string): void {
  const repository = new TestRepository(path);
  const texts = Object.entries(files).map(([file, spec]) => {
    if (typeof spec === 'string' || spec instanceof Uint8Array) return [file, String(spec)] as const;
    return [file, 'link' in spec ? spec : 'content' in spec ? String(spec.content) : ''] as const;
  });
  repository.git('checkout', '-q', '-b', 'old');
  repository.commit({ 'sub/named': 'FROM scratch\nCOPY old /\n', 'sub/old': 'old\n' });
  repository.git('checkout', '-q', '--orphan', 'main');
  repository.git('rm', '-rqf', '.');
  repository.commit(Object.fromEntries(texts));
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault, type FaultCode } from '../errors/index.ts';
import { gitServer, TestRepository, type GitServer, type GitServerOptions } from './git-server.fixture.ts';
import { parseGitUrl } from './parse-git-url.ts';
import type { FetchGitOptions, GitCheckout, GitCommit } from './remote-sources.ts';
import { sourceStore, type SourceStore, type SourceStoreOptions } from './store.fixture.ts';

const skip = existsSync('/usr/bin/git') ? false : 'git is not installed';

function failsWith(code: FaultCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(Fault.is(error, code), `${String(error)} is not ${code}`);
    assert.match(error.message, message);
    return true;
  };
}

/** Repositories, a server for them and a store that fetches from it. */
interface Setting extends AsyncDisposable {
  readonly folder: string;
  readonly server: GitServer;
  readonly store: SourceStore;
  repository(name: string): TestRepository;
  url(rest: string): string;
  fetch(rest: string, options?: FetchGitOptions): Promise<GitCheckout>;
  resolve(rest: string): Promise<GitCommit>;
}

async function setting(options: GitServerOptions & SourceStoreOptions = {}): Promise<Setting> {
  const folder = mkdtempSync('/var/tmp/varve-git-');
  const server = await gitServer(folder, options);
  const store = sourceStore(options);
  const url = (rest: string): string => `${server.origin}/${rest}`;
  const reference = (rest: string): NonNullable<ReturnType<typeof parseGitUrl>> => {
    const parsed = parseGitUrl(rest.includes('://') ? rest : url(rest));
    assert.ok(parsed, rest);
    return parsed;
  };
  return {
    folder,
    server,
    store,
    url,
    repository: (name) => new TestRepository(join(folder, name)),
    fetch: (rest, fetching = {}) => store.sources.fetchGit(reference(rest), fetching),
    resolve: (rest) => store.sources.resolveGit(reference(rest), {}),
    [Symbol.asyncDispose]: async () => {
      store[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Path → content, `-> target`, or `/` for a directory. */
function treeOf(root: string): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(root, name);
      const status = lstatSync(path);
      if (status.isSymbolicLink()) return [name, `-> ${readlinkSync(path)}`];
      return [name, status.isDirectory() ? '/' : readFileSync(path, 'utf8')];
    }),
  );
}

function workFolders({ root }: SourceStore): readonly string[] {
  return existsSync(join(root, 'work')) ? readdirSync(join(root, 'work')) : [];
}

test('a commit is checked out: files, modes, symlinks, the time of the commit, and no .git', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  repository.commit({ 'a.txt': 'one', 'dir/b.txt': 'two', link: { link: 'dir/b.txt' }, out: { link: '/etc/passwd' } });
  repository.git('update-index', '--chmod=+x', 'a.txt');
  repository.git('commit', '-qm', 'x');
  const commit = repository.git('rev-parse', 'HEAD');
  using checkout = await setup.fetch('app.git');
  assert.deepEqual([checkout.commit, checkout.ref, checkout.tag], [commit, 'refs/heads/main', undefined]);
  assert.deepEqual(treeOf(checkout.root), {
    'a.txt': 'one',
    dir: '/',
    'dir/b.txt': 'two',
    link: '-> dir/b.txt',
    out: '-> /etc/passwd',
  });
  const modes = ['a.txt', 'dir', 'dir/b.txt', '.'].map((name) => lstatSync(join(checkout.root, name)).mode & 0o7777);
  assert.deepEqual(modes, [0o755, 0o755, 0o644, 0o755]);
  assert.deepEqual(checkout.time, { sec: repository.timeSec, nsec: 0 });
  for (const name of ['a.txt', 'dir', 'dir/b.txt', 'link']) {
    assert.equal(lstatSync(join(checkout.root, name)).mtimeMs, repository.timeSec * 1000, name);
  }
});

test('branches, tags, full names and commit IDs are found as git finds them', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  const first = repository.commit({ a: '1' });
  repository.git('tag', 'v1');
  repository.git('tag', '-a', 'v2', '-m', 'annotated');
  const tag = repository.git('rev-parse', 'v2');
  repository.git('branch', 'feature/x');
  repository.git('branch', 'both');
  const second = repository.commit({ a: '2' });
  repository.git('tag', 'both');
  const table: readonly (readonly [string, string, string | undefined, string | undefined])[] = [
    ['app.git', second, 'refs/heads/main', undefined],
    ['app.git#main', second, 'refs/heads/main', undefined],
    ['app.git#heads/main', second, 'refs/heads/main', undefined],
    ['app.git#refs/heads/main', second, 'refs/heads/main', undefined],
    ['app.git#feature/x', first, 'refs/heads/feature/x', undefined],
    ['app.git#v1', first, 'refs/tags/v1', undefined],
    ['app.git#v2', first, 'refs/tags/v2', tag],
    ['app.git?tag=v2', first, 'refs/tags/v2', tag],
    ['app.git#both', first, 'refs/heads/both', undefined],
    ['app.git?tag=both', second, 'refs/tags/both', undefined],
    [`app.git#${first}`, first, undefined, undefined],
    [`app.git?ref=v1&checksum=${first.slice(0, 7).toUpperCase()}`, first, 'refs/tags/v1', undefined],
    [`app.git?tag=v2&checksum=${tag}`, first, 'refs/tags/v2', tag],
    [`app.git?tag=v2&checksum=${first}`, first, 'refs/tags/v2', tag],
  ];
  for (const [rest, commit, ref, tagId] of table) {
    assert.deepEqual(await setup.resolve(rest), { commit, ref, tag: tagId }, rest);
    using checkout = await setup.fetch(rest);
    assert.equal(readFileSync(join(checkout.root, 'a'), 'utf8'), commit === first ? '1' : '2', rest);
  }
});

test('a ref that is not there is named, as is a checksum that differs', { skip }, async () => {
  await using setup = await setting();
  const commit = setup.repository('app.git').commit({ a: '1', 'sub/x': '', l: { link: 'sub' } });
  const fails = (rest: string, code: FaultCode, message: RegExp): Promise<void> =>
    assert.rejects(setup.fetch(rest), failsWith(code, message));
  await fails('app.git#nope', 'not-found', /^fetch http:.*\/app\.git: repository does not contain ref nope$/);
  await fails(`app.git#${commit.slice(0, 8)}`, 'not-found', /does not contain ref/);
  await fails('app.git#HEAD', 'not-found', /does not contain ref HEAD/);
  await fails('app.git#*', 'not-found', /does not contain ref \*/);
  await fails(`app.git#${'0'.repeat(39)}1`, 'not-found', /has no commit 0{39}1/);
  await fails(
    `app.git?ref=main&checksum=abcdef`,
    'conflict',
    new RegExp(`expected checksum to match abcdef, got ${commit}`),
  );
  await fails(`app.git?commit=foobar`, 'invalid', /invalid checksum foobar for Git URL, expected hex commit hash/);
  await fails('none.git', 'not-found', /repository .* not found/);
  await fails('app.git#main:nodir', 'not-found', /invalid subdir \/nodir/);
  await fails('app.git#main:a', 'invalid', /invalid subdir \/a: .*non-directory a/);
  await fails('app.git#main:l', 'invalid', /invalid subdir \/l: .*non-directory l/);
  assert.deepEqual(workFolders(setup.store), []);
});

test('an empty repository has no default branch', { skip }, async () => {
  await using setup = await setting();
  setup.repository('app.git');
  await assert.rejects(setup.fetch('app.git'), failsWith('not-found', /could not find default branch/));
});

test('a subdirectory stays in the repository, however it is written', { skip }, async () => {
  await using setup = await setting();
  setup.repository('app.git').commit({ top: 't', 'a/b/c': 'deep', 'a/up': { link: '../../..' } });
  for (const subdir of ['a/b', '/a/b', './a//b/', '../../a/b', 'a/x/../b']) {
    using checkout = await setup.fetch(`app.git#main:${subdir}`);
    assert.deepEqual(treeOf(checkout.root), { c: 'deep' }, subdir);
  }
  using all = await setup.fetch('app.git#main:../..');
  assert.ok(existsSync(join(all.root, 'top')));
  await assert.rejects(setup.fetch('app.git#main:a/up'), failsWith('invalid', /non-directory/));
});

test('what is here is not fetched again; a commit ID needs no server at all then', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  const commit = repository.commit({ a: '1' });
  (await setup.fetch('app.git'))[Symbol.dispose]();
  const posts = (): number => setup.server.requests.filter((line) => line.startsWith('POST')).length;
  const fetched = posts();
  (await setup.fetch('app.git'))[Symbol.dispose]();
  assert.ok(posts() - fetched <= 1, 'only asks for the references');
  const asked = setup.server.requests.length;
  using again = await setup.fetch(`app.git#${commit}`);
  assert.equal(setup.server.requests.length, asked);
  assert.deepEqual(treeOf(again.root), { a: '1' });
  repository.commit({ a: '2' });
  using newer = await setup.fetch('app.git');
  assert.deepEqual(treeOf(newer.root), { a: '2' });
});

test('a commit that was resolved before is checked out, though its branch has moved', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  repository.commit({ a: '1' });
  const commit = await setup.resolve('app.git#main');
  repository.commit({ a: '2' });
  using checkout = await setup.fetch('app.git#main', { commit });
  assert.deepEqual(treeOf(checkout.root), { a: '1' });
});

test('only the commit itself is fetched, and no history', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  const first = repository.commit({ a: 'x'.repeat(100_000) });
  repository.commit({ a: 'small' });
  (await setup.fetch('app.git'))[Symbol.dispose]();
  const [cache = ''] = readdirSync(join(setup.store.root, 'git'));
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['--git-dir', join(setup.store.root, 'git', cache), ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  assert.throws(() => git('cat-file', '-e', first));
  (await setup.fetch(`app.git#${first}`))[Symbol.dispose]();
  git('cat-file', '-e', first);
});

test('a server that refuses single commits is asked for whole branches', { skip }, async () => {
  // The old protocol has no answer for commits that no branch ends in.
  await using setup = await setting({
    intercept: (request) => {
      delete request.headers['git-protocol'];
      return false;
    },
  });
  const repository = setup.repository('app.git');
  const first = repository.commit({ a: '1' });
  repository.commit({ a: '2' });
  using newest = await setup.fetch('app.git');
  assert.deepEqual(treeOf(newest.root), { a: '2' });
  using older = await setup.fetch(`app.git#${first}`);
  assert.deepEqual(treeOf(older.root), { a: '1' });
});

test('a repository that is served as plain files is fetched, too', { skip }, async () => {
  await using setup = await setting({
    intercept: (request, response) => {
      const path = join(setup.folder, (request.url ?? '').replace(/\?.*/, '').replace('app.git', 'app.git/.git'));
      if (existsSync(path)) response.end(readFileSync(path));
      else response.writeHead(404).end();
      return true;
    },
  });
  const repository = setup.repository('app.git');
  const first = repository.commit({ a: '1' });
  repository.commit({ a: '2' });
  repository.git('update-server-info');
  using newest = await setup.fetch('app.git#main');
  assert.deepEqual(treeOf(newest.root), { a: '2' });
  using older = await setup.fetch(`app.git#${first}`);
  assert.deepEqual(treeOf(older.root), { a: '1' });
});

/** `outer.git` with `inner.git` at `mod`, which has `leaf.git` at `deep/leaf`. */
function withSubmodules(setup: Setting): TestRepository {
  const leaf = setup.repository('leaf.git');
  leaf.commit({ leaf: 'l' });
  const inner = setup.repository('inner.git');
  inner.commit({ inner: 'i' });
  addSubmodule(inner, leaf.path, { path: 'deep/leaf', url: '../leaf.git' });
  const outer = setup.repository('outer.git');
  outer.commit({ outer: 'o' });
  addSubmodule(outer, inner.path, { path: 'mod', url: '../inner.git' });
  return outer;
}

function addSubmodule(to: TestRepository, from: string, { path, url }: { path: string; url: string }): void {
  to.git('submodule', 'add', '-q', from, path);
  to.git('config', '-f', '.gitmodules', `submodule.${path}.url`, url);
  to.commit({});
}

test('submodules are checked out, unless the reference says no', { skip }, async () => {
  await using setup = await setting();
  withSubmodules(setup);
  using whole = await setup.fetch('outer.git');
  const { '.gitmodules': _outer, 'mod/.gitmodules': _inner, ...tree } = treeOf(whole.root);
  const folders = { mod: '/', 'mod/deep': '/', 'mod/deep/leaf': '/' };
  assert.deepEqual(tree, { ...folders, outer: 'o', 'mod/inner': 'i', 'mod/deep/leaf/leaf': 'l' });
  using without = await setup.fetch('outer.git?submodules=false');
  assert.deepEqual(Object.keys(treeOf(without.root)), ['.gitmodules', 'mod', 'outer']);
  using part = await setup.fetch('outer.git#main:mod/deep');
  assert.deepEqual(treeOf(part.root), { leaf: '/', 'leaf/leaf': 'l' });
});

test('a submodule that is a folder of this machine, or another program, is refused', { skip }, async () => {
  for (const url of ['/etc', 'file:///etc', 'ext::sh -c touch% /tmp/pwned']) {
    await using setup = await setting();
    const inner = setup.repository('inner.git');
    inner.commit({ inner: 'i' });
    const outer = setup.repository('outer.git');
    outer.commit({ outer: 'o' });
    addSubmodule(outer, inner.path, { path: 'mod', url });
    await assert.rejects(setup.fetch('outer.git'), (error) => Fault.is(error));
    assert.deepEqual(workFolders(setup.store), []);
  }
});

test(
  'with keepGitDir a whole repository is left: HEAD, its branch or tag, the remote, nothing secret',
  { skip },
  async () => {
    await using setup = await setting();
    const repository = setup.repository('app.git');
    const commit = repository.commit({ a: '1' });
    repository.git('tag', '-a', 'v2', '-m', 'annotated');
    const address = setup.url('app.git').replace('http://', 'http://me:s3cret@');
    using checkout = await setup.fetch(`${address}?keep-git-dir#v2`);
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', checkout.root, '-c', 'safe.directory=*', ...args], { encoding: 'utf8' }).trim();
    assert.equal(git('rev-parse', 'HEAD'), commit);
    assert.equal(git('describe'), 'v2');
    assert.equal(git('status', '--porcelain'), '');
    assert.equal(git('config', 'remote.origin.url'), setup.url('app.git'));
    assert.equal(git('fsck', '--no-dangling'), '');
    assert.deepEqual(setup.store.filesWith('s3cret'), []);
    assert.ok(!existsSync(join(checkout.root, '.git/logs')) && !existsSync(join(checkout.root, '.git/hooks')));
    using sub = await setup.fetch('app.git?keep-git-dir&subdir=/.');
    assert.ok(existsSync(join(sub.root, '.git')));
  },
);

test('a kept repository has those of its submodules, and two checkouts are alike', { skip }, async () => {
  await using setup = await setting();
  withSubmodules(setup);
  using one = await setup.fetch('outer.git?keep-git-dir');
  assert.ok(existsSync(join(one.root, '.git/modules/mod/HEAD')));
  assert.match(readFileSync(join(one.root, 'mod/.git'), 'utf8'), /^gitdir: \.\.\/\.git\/modules\/mod/);
  using two = await setup.fetch('outer.git?keep-git-dir');
  assert.deepEqual(treeOf(two.root), treeOf(one.root));
});

test('no hook, filter or setting of a repository or of this machine is run', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  const trap = join(setup.folder, 'pwned');
  repository.commit({
    '.gitattributes': '* filter=evil diff=evil',
    '.gitconfig': `[core]\n\tfsmonitor = touch ${trap}\n\thooksPath = hooks\n`,
    'hooks/post-checkout': `#!/bin/sh\ntouch ${trap}\n`,
    a: '1',
  });
  repository.git('update-index', '--chmod=+x', 'hooks/post-checkout');
  repository.git('commit', '-qm', 'x');
  using checkout = await setup.fetch('app.git');
  assert.equal(readFileSync(join(checkout.root, 'a'), 'utf8'), '1');
  assert.ok(!existsSync(trap));
});

/** The arguments of all processes. */
function processList(): string {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.map((name) => readFileIfThere(`/proc/${name}/cmdline`)).join('\n');
}

function readFileIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

test('credentials go to their own host when it asks, and are in no file and no process list', { skip }, async () => {
  const basic = `Basic ${Buffer.from('me:s3cret').toString('base64')}`;
  const lists: string[] = [];
  await using setup = await setting({
    intercept: (request, response) => {
      lists.push(processList());
      if (request.headers.authorization === basic) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    },
  });
  setup.repository('app.git').commit({ a: '1' });
  const address = setup.url('app.git').replace('http://', 'http://me:s3cret@');
  using checkout = await setup.fetch(address);
  assert.deepEqual(treeOf(checkout.root), { a: '1' });
  assert.deepEqual([setup.store.filesWith('s3cret'), lists.filter((list) => list.includes('s3cret'))], [[], []]);
  await assert.rejects(setup.fetch('app.git'), failsWith('unauthenticated', /could not read Username/));
  await assert.rejects(
    setup.fetch(address.replace('s3cret', 'wr0ng')),
    (error) => failsWith('unauthenticated', /^fetch http:\/\/127/)(error) && !String(error).includes('wr0ng'),
  );
});

test('credentials do not follow a redirect to another host', { skip }, async () => {
  await using other = await setting({
    intercept: (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    },
  });
  await using setup = await setting({
    intercept: (request, response) => {
      response.writeHead(302, { location: other.server.origin + (request.url ?? '') }).end();
      return true;
    },
  });
  await assert.rejects(
    setup.fetch(setup.url('app.git').replace('http://', 'http://me:s3cret@')),
    failsWith('unauthenticated', /./),
  );
  assert.deepEqual([...new Set(other.server.authorizations)], [undefined]);
});

test('a fetch that is cancelled leaves nothing behind, and the next one works', { skip }, async () => {
  const controller = new AbortController();
  await using setup = await setting({
    intercept: (request) => {
      if (request.method === 'POST' && !controller.signal.aborted) {
        controller.abort();
        return true;
      }
      return false;
    },
  });
  setup.repository('app.git').commit({ a: '1' });
  await assert.rejects(setup.fetch('app.git', { signal: controller.signal }), failsWith('cancelled', /^fetch/));
  await assert.rejects(setup.fetch('app.git', { signal: controller.signal }), failsWith('cancelled', /^fetch/));
  assert.deepEqual(workFolders(setup.store), []);
  using checkout = await setup.fetch('app.git');
  assert.deepEqual(treeOf(checkout.root), { a: '1' });
});

test('what a killed fetch left in the repository does no harm', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  repository.commit({ a: '1' });
  (await setup.fetch('app.git'))[Symbol.dispose]();
  const folder = join(setup.store.root, 'git');
  const [cache = ''] = readdirSync(folder);
  execFileSync('touch', ['shallow.lock', 'packed-refs.lock', 'HEAD.lock', 'objects/pack/tmp_pack_x'], {
    cwd: join(folder, cache),
  });
  repository.commit({ a: '2' });
  using second = await setup.fetch('app.git');
  assert.deepEqual(treeOf(second.root), { a: '2' });
  rmSync(join(folder, cache, 'HEAD'));
  repository.commit({ a: '3' });
  using third = await setup.fetch('app.git');
  assert.deepEqual(treeOf(third.root), { a: '3' });
});

test('what git says of its progress is told a line at a time', { skip }, async () => {
  await using setup = await setting();
  setup.repository('app.git').commit({ a: '1' });
  const lines: string[] = [];
  (await setup.fetch('app.git', { onProgress: (line) => lines.push(line) }))[Symbol.dispose]();
  assert.ok(
    lines.some((line) => line.includes('objects')),
    lines.join('\n'),
  );
});

test('many who fetch from one repository at once do not disturb each other', { skip }, async () => {
  await using setup = await setting();
  const repository = setup.repository('app.git');
  const commits = ['1', '2', '3', '4'].map((a) => repository.commit({ a }));
  const checkouts = await Promise.all(commits.map((commit) => setup.fetch(`app.git#${commit}`)));
  assert.deepEqual(
    checkouts.map(({ root }) => readFileSync(join(root, 'a'), 'utf8')),
    ['1', '2', '3', '4'],
  );
  for (const checkout of checkouts) checkout[Symbol.dispose]();
  assert.deepEqual(workFolders(setup.store), []);
});

test('without git the package is named', async () => {
  await using setup = await setting({ searchPath: '/nonexistent' });
  await assert.rejects(
    setup.fetch('http://127.0.0.1:1/app.git'),
    (error) => Fault.is(error, 'unavailable') && error.hint === 'apt-get install git',
  );
});

test('a host that is not reached is a failure that says so', { skip }, async () => {
  await using setup = await setting();
  await assert.rejects(setup.fetch('http://127.0.0.1:1/app.git'), failsWith('unavailable', /onnect/));
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { Fault } from '../../errors/index.ts';
import { gitServer, TestRepository } from '../../source/git-server.fixture.ts';
import { sourceStore } from '../../source/store.fixture.ts';
import { bytesOf } from '../../std/index.ts';
import { CopySandbox } from './copy-sandbox.fixture.ts';
import { reasonText } from '../reason-text.ts';
import { webServer } from '../source/web-server.fixture.ts';

/** What a COPY or ADD is known by from build to build. */
function copying(name: string, script: string, body: (sandbox: CopySandbox) => Promise<void>): void {
  test(name, async () => {
    using sandbox = new CopySandbox();
    sandbox.shell(script);
    await body(sandbox);
  });
}

const stage = (...instructions: readonly string[]): string => `FROM scratch\n${instructions.join('\n')}\n`;

copying('COPY --link: it is reused when what lies below changed', 'echo a > a; echo b > b', async (sandbox) => {
  const first = await sandbox.build(stage('COPY a /base', 'COPY --link b /x/y/'));
  const second = await sandbox.build(stage('COPY b /base', 'COPY --link b /x/y/'));
  assert.deepEqual(second.steps.toSorted(), ['cached', 'changed']);
  assert.equal(second.chain[1], first.chain[1]);
  assert.notEqual(second.chain[0], first.chain[0]);
  const without = await sandbox.build(stage('COPY a /base', 'COPY b /x/y/'));
  assert.deepEqual(without.steps, ['cached', 'base-changed']);
});

copying('COPY --link: what follows it knows what lies below', 'echo a > a; echo b > b; echo c > c', async (sandbox) => {
  const rest = ['COPY --link b /x/', 'COPY c /x/'];
  await sandbox.build(stage('COPY a /base', ...rest));
  const { steps } = await sandbox.build(stage('COPY b /base', ...rest));
  assert.deepEqual(steps.toSorted(), ['base-changed', 'cached', 'changed']);
  assert.deepEqual((await sandbox.build(stage('COPY a /base', ...rest))).steps, ['cached', 'cached', 'cached']);
});

copying(
  'COPY --link: links of the base are not followed, files of the base are replaced',
  'mkdir b; ln -s r b/l; echo f > b/f; mkdir s; echo a > s/a',
  async (sandbox) => {
    const { tree } = await sandbox.build(stage('COPY b /', 'COPY --link s /l', 'COPY --link s/a /f/a'));
    assert.deepEqual(tree, ['dir 755 0:0 f', 'file 644 0:0 f/a "a\\n"', 'dir 755 0:0 l', 'file 644 0:0 l/a "a\\n"']);
  },
);

copying('COPY --link: names of users are refused, and numbers are not', 'echo a > a', async (sandbox) => {
  await assert.rejects(
    sandbox.build(stage('COPY --link --chown=app a /')),
    /--chown=app: a copy with --link knows no names/,
  );
  assert.deepEqual((await sandbox.build(stage('COPY --link --chown=3:4 a /'))).tree, ['file 644 3:4 a "a\\n"']);
});

copying(
  'COPY --exclude: a change of what is left out reruns nothing',
  'mkdir s; echo a > s/a; echo b > s/b',
  async (sandbox) => {
    await sandbox.build(stage('COPY --exclude=b s /'));
    writeFileSync(join(sandbox.context, 's/b'), 'other');
    assert.deepEqual((await sandbox.build(stage('COPY --exclude=b s /'))).steps, ['cached']);
    const { reasons } = await sandbox.build(stage('COPY --exclude=a s /'));
    assert.deepEqual(reasons.map(reasonText), ['2 of 1 files changed: s/a (removed), s/b (added)']);
  },
);

copying(
  'COPY --exclude: what is left out is not met',
  'mkdir -p s/no; echo a > s/a; mknod s/no/dev c 0 0',
  async (sandbox) => {
    assert.deepEqual((await sandbox.build(stage('COPY --exclude=no s /'))).tree, ['file 644 0:0 a "a\\n"']);
  },
);

copying(
  'COPY --parents: patterns that name the same are the same step',
  'mkdir -p s/t; echo a > s/t/a; echo b > s/b',
  async (sandbox) => {
    await sandbox.build(stage('COPY --parents s/t/a /x/'));
    assert.deepEqual((await sandbox.build(stage('COPY --parents s/*/a /x/'))).steps, ['cached']);
    const { reasons } = await sandbox.build(stage('COPY --parents s/t/a s/b /x/'));
    assert.deepEqual(reasons.map(reasonText), ['1 of 4 files changed: s/b (added)']);
  },
);

copying(
  'COPY --parents: one source in another, each with what it names',
  'mkdir -p a/b; echo 1 > a/b/x; echo 2 > a/y; echo 3 > z',
  async (sandbox) => {
    const names = async (...words: readonly string[]): Promise<readonly (string | undefined)[]> => {
      const { tree } = await sandbox.build(stage(`COPY --parents ${words.join(' ')} /`));
      return tree.map((line) => line.split(' ')[3]);
    };
    assert.deepEqual(await names('z', 'a/./b'), ['b', 'b/x', 'z']);
    assert.deepEqual(await names('z', 'a/./y'), ['y', 'z']);
  },
);

test('ADD of a URL: mode 0600, mtime Last-Modified; a changed file says so, another place with the same file does not', async () => {
  using sandbox = new CopySandbox();
  using store = sourceStore();
  sandbox.remotes = store.sources;
  let content = 'one';
  await using server = await webServer(() => content);
  const text = stage(`ADD ${server.origin}/app.txt /x/`);
  const { chain, tree } = await sandbox.build(text);
  assert.deepEqual(tree, ['dir 755 0:0 x', 'file 600 0:0 x/app.txt "one"']);
  using opened = sandbox.layers.tree(chain);
  assert.deepEqual(opened.lookup(bytesOf('x/app.txt'))?.mtime, { sec: 1_445_412_480, nsec: 0 });
  assert.deepEqual((await sandbox.build(stage(`ADD ${server.origin}/mirror/app.txt /x/`))).steps, ['cached']);
  content = 'two';
  const { reasons } = await sandbox.build(text);
  assert.match(reasons.map(reasonText).join(), /^fetched 1 app\.txt changed from 'sha256:\w+' to 'sha256:\w+'$/);
});

test('ADD of a URL: its user and password are in no record', async () => {
  using sandbox = new CopySandbox();
  using store = sourceStore();
  sandbox.remotes = store.sources;
  await using server = await webServer(() => 'one');
  await sandbox.build(stage(`ADD ${server.origin.replace('//', '//name:secret@')}/app.txt /x/`));
  const files = readdirSync(join(sandbox.folder, 'store'), { recursive: true, withFileTypes: true });
  const paths = files.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  assert.ok(paths.length > 1);
  for (const path of paths) assert.ok(!readFileSync(path).includes('secret'), path);
  assert.deepEqual(store.filesWith('secret'), []);
});

test('ADD of a URL: with a checksum that is in the store nothing is asked; without one, the error names URL and line', async () => {
  using sandbox = new CopySandbox();
  using store = sourceStore();
  sandbox.remotes = store.sources;
  const server = await webServer(() => 'hello\n');
  const url = `${server.origin}/hello`;
  const known = stage(
    `ADD --checksum=sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 ${url} /x`,
  );
  await sandbox.build(known);
  await server[Symbol.asyncDispose]();
  assert.deepEqual((await sandbox.build(known)).steps, ['cached']);
  await assert.rejects(sandbox.build(stage(`ADD ${url} /y`)), (error: unknown) => {
    assert.ok(Fault.is(error, 'unavailable'));
    assert.match(error.message, new RegExp(`${url}.*\\n(.*\\n)* +2 \\| >>> ADD`));
    return true;
  });
});

test('ADD of a repository: known by its commit, which a reason tells; nothing is checked out for a step that is known', async () => {
  using sandbox = new CopySandbox();
  using store = sourceStore();
  const checkouts: string[] = [];
  sandbox.remotes = {
    ...store.sources,
    fetchGit: (reference, options) => {
      checkouts.push(reference.name);
      return store.sources.fetchGit(reference, options);
    },
  };
  const repository = new TestRepository(join(sandbox.folder, 'git/app.git'));
  const first = repository.commit({ a: '1', 'sub/b': '2' });
  await using server = await gitServer(join(sandbox.folder, 'git'));
  const text = stage(`ADD ${server.origin}/app.git#main:sub /x/`);
  assert.deepEqual((await sandbox.build(text)).tree, ['dir 755 0:0 x', 'file 644 0:0 x/b "2"']);
  assert.deepEqual((await sandbox.build(text)).steps, ['cached']);
  assert.deepEqual(checkouts, ['app']);
  const second = repository.commit({ 'sub/b': '3' });
  const { reasons } = await sandbox.build(text);
  assert.deepEqual(reasons.map(reasonText), [
    `fetched 1 app changed from 'commit ${first}, subdir "sub"' to 'commit ${second}, subdir "sub"'`,
  ]);
});

test('ADD of a repository: .git stays only where it is wanted, and is another step', async () => {
  using sandbox = new CopySandbox();
  using store = sourceStore();
  sandbox.remotes = store.sources;
  new TestRepository(join(sandbox.folder, 'git/app.git')).commit({ a: '1' });
  await using server = await gitServer(join(sandbox.folder, 'git'));
  const bare = await sandbox.build(stage(`ADD ${server.origin}/app.git /x`));
  assert.equal(bare.tree.length, 2);
  const kept = await sandbox.build(stage(`ADD --keep-git-dir ${server.origin}/app.git /x`));
  assert.deepEqual(kept.steps, ['changed']);
  assert.ok(kept.tree.some((line) => line.includes(' x/.git/HEAD ')));
});

copying(
  'COPY: files that only got another time are the same for every flag',
  'mkdir -p s/t; echo a > s/t/a',
  async (sandbox) => {
    const lines = ['COPY --link s /1', 'COPY --parents s/t /2', 'COPY --exclude=x s /3', 'COPY --chmod=u+x s /4'];
    await sandbox.build(stage(...lines));
    utimesSync(join(sandbox.context, 's/t/a'), 1, 1);
    assert.deepEqual(
      (await sandbox.build(stage(...lines))).steps,
      lines.map(() => 'cached'),
    );
  },
);

copying(
  'COPY --from: a stage that holds the same is not looked into again, a changed one is',
  'mkdir d; echo a > d/a; echo b > d/b',
  async (sandbox) => {
    const text = 'FROM scratch AS first\nCOPY d /d\nFROM scratch\nCOPY --from=first /d/a /e/\n';
    const first = await sandbox.build(text);
    const opened = mock.method(sandbox.layers, 'tree');
    const again = await sandbox.build(text);
    opened.mock.restore();
    assert.deepEqual(again.steps, ['cached', 'cached']);
    // Once, to show what came of it.
    assert.equal(opened.mock.callCount(), 1);
    sandbox.shell('echo other > d/b');
    const unread = await sandbox.build(text);
    assert.deepEqual([unread.steps, unread.chain], [['changed', 'cached'], first.chain]);
    sandbox.shell('echo other > d/a');
    assert.deepEqual((await sandbox.build(text)).tree, ['dir 755 0:0 e', 'file 644 0:0 e/a "other\\n"']);
  },
);

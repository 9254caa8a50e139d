/** What bad input and a machine that lacks something get: a clear message, an exit code, and nothing lost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hostileTar } from './hostile-tar.ts';
import { noExt4, TestMount } from './small-disk.ts';
import { needsRoot, program, runProgram, TestStore, type Ended, type FileTree } from './test-store.ts';

describe('what is wrong with the input is said, and where', { skip: needsRoot }, () => {
  const store = new TestStore();
  let canary: string;

  before(async () => {
    await store.busybox();
    canary = store.context('outside', { canary: 'untouched', 'secret.txt': 'secret' });
  });
  after(() => store[Symbol.asyncDispose]());

  async function refused(files: FileTree, ...args: readonly string[]): Promise<string> {
    const context = join(store.folder, 'context');
    rmSync(context, { recursive: true, force: true });
    return failure(await store.build(store.context('context', files), ...args));
  }

  test('an unknown instruction: what was meant, and the line', async () => {
    const message = await refused({ Dockerfile: 'FROM busybox:local\nRUNN mkdir test\n' });
    assert.match(message, /unknown instruction: RUNN \(did you mean RUN\?\)/);
    assert.match(message, /Dockerfile:2:1\n-+\n {3}1 \| {5}FROM busybox:local\n {3}2 \| >>> RUNN mkdir test\n/);
  });

  test('a source that is missing', async () => {
    const message = await refused({ Dockerfile: 'FROM busybox:local\nCOPY nothing /\n' });
    assert.match(message, /"\/nothing": not found/);
    assert.match(message, /2 \| >>> COPY nothing \//);
  });

  for (const [what, source, files] of [
    ['through ..', '../outside/secret.txt', {}],
    ['through .. below a folder', 'a/../../outside/secret.txt', { 'a/b': '' }],
    ['by an absolute path', '%/secret.txt', {}],
    ['through an absolute symlink', 'link', { link: { link: '%/secret.txt' } }],
    ['through a relative symlink', 'link', { link: { link: '../outside/secret.txt' } }],
    ['through a symlink on the way', 'link/secret.txt', { link: { link: '%' } }],
    ['through a symlink of symlinks', 'a/secret.txt', { a: { link: 'b' }, b: { link: '../../../../..%' } }],
    ['by a pattern through a symlink', 'link/*.txt', { link: { link: '%' } }],
  ] as const) {
    test(`never outside the root: a source outside the context, ${what}`, async () => {
      const tree = Object.entries(files as FileTree).map(([name, spec]) => {
        return [name, typeof spec === 'object' && 'link' in spec ? { link: placed(spec.link, canary) } : spec] as const;
      });
      const Dockerfile = `FROM busybox:local\nCOPY ${placed(source, canary)} /copied\n`;
      const message = await refused({ Dockerfile, ...Object.fromEntries(tree) });
      assert.match(message, /not found|no such file|no source files/);
      assert.match(message, />>> COPY/);
    });
  }

  test('never outside the root: a nested symlink out of the context is copied as a symlink', async () => {
    const context = store.context('nested', {
      Dockerfile: 'FROM busybox:local\nCOPY . /copied/\n',
      'folder/link': { link: join(canary, 'secret.txt') },
    });
    await store.ok(['build', '-q', '-t', 'nested', context]);
    const { stdout } = await store.ok(['run', '--rm', 'nested', 'readlink', '/copied/folder/link']);
    assert.equal(stdout, `${join(canary, 'secret.txt')}\n`);
  });

  test('a Dockerfile that is missing, a folder, or a symlink out of the context', async () => {
    assert.match(await refused({ file: '' }), /failed to read dockerfile: open Dockerfile: no such file or directory/);
    assert.match(
      await refused({ Dockerfile: { dir: true } }),
      /read the Dockerfile .*Dockerfile: it is a dir, not a file/,
    );
    assert.match(await refused({ Dockerfile: { link: join(canary, 'secret.txt') } }), /no such file or directory/);
    assert.match(await refused({ Dockerfile: { link: '../outside/secret.txt' } }), /no such file or directory/);
    assert.match(await refused({ file: '' }, '-f', join(store.folder, 'nowhere')), /open nowhere: no such file/);
  });

  test('a context that is a file, or missing', async () => {
    const file = join(canary, 'canary');
    assert.match(failure(await store.build(file)), /canary.*not a directory/);
    assert.match(failure(await store.build(join(store.folder, 'nowhere'))), /nowhere.*no such file or directory/);
  });

  test('flags that do not exist, values that cannot be, what is not there yet', async () => {
    const context = store.context('fine', { Dockerfile: 'FROM busybox:local\n' });
    const cases = [
      [['build', '--nonsense', context], 125, /unknown flag: --nonsense/],
      [['build', '--squash', context], 125, /unknown flag: --squash/],
      [['build', '--network=bridge', context], 125, /bridge.*--network.*must be one of default, host, none/],
      [['build', '--build-arg', '=x', context], 1, /invalid environment variable: =x/],
      [['build', '-t', 'Bad:Name:x', context], 1, /Bad:Name:x/],
      [['build', '--target', 'nothing', context], 1, /nothing.*could not be found/],
      [['build', '-'], 1, /read the context from standard input: nothing came/],
      [['build', 'ftp://example.org/x.tar'], 1, /open the context ftp:\/\/example\.org\/x\.tar: no such file/],
      [['build'], 1, /requires 1 argument/],
      [['run', '--memory', 'much', 'busybox:local'], 125, /much/],
      [['run', '-v', '/a:b:c:d', 'busybox:local'], 125, /\/a:b:c:d/],
      [['run', '--security-opt', 'apparmor=x', 'busybox:local'], 125, /apparmor=x/],
      [['run', '-p', '80:80', 'busybox:local'], 125, /unknown shorthand flag: 'p'/],
      [['run', '--pull', 'never', 'nothing:here'], 125, /nothing:here/],
      [['buidl', '.'], 1, /Did you mean this\?\n\tbuild/],
      [['rmi', 'nothing:here'], 1, /no such image: nothing:here/i],
      [['inspect', 'nothing'], 1, /no such object: nothing/i],
      [['import', join(store.folder, 'nowhere.tar'), 'x'], 1, /no such file/],
      [['--root', canary + '/canary', 'images'], 1, /open the store: make folder .*canary: file already exists/],
    ] as const;
    for (const [args, code, message] of cases) {
      const ended = await store.run([...args]);
      assert.equal(ended.code, code, `varve ${args.join(' ')} ended with ${ended.code}: ${ended.stderr}`);
      assert.match(ended.stderr, message, args.join(' '));
      assert.doesNotMatch(ended.stderr, /internal:/, args.join(' '));
      assert.ok(['', '[]\n'].includes(ended.stdout), 'standard output has only what was asked for');
    }
  });

  test('a device that nobody described is named', async () => {
    const message = await refused({
      Dockerfile: 'FROM busybox:local\nRUN --device=vendor.invalid/gpu=1,required true\n',
    });
    assert.match(message, /required device "vendor.invalid\/gpu=1" is not registered/);
    assert.match(message, />>> RUN --device/);
  });

  test('a RUN that fails: its own code, its last lines, the place; the steps before it are kept', async () => {
    const Dockerfile =
      'FROM busybox:local\nRUN echo first > /first\nRUN seq 100 && sleep 0.3 && echo oh no >&2 && exit 42\n';
    const context = store.context('failing', { Dockerfile });
    const first = await store.build(context);
    assert.equal(first.code, 1);
    assert.match(first.stderr, /did not complete successfully: exit code: 42/);
    assert.match(first.stderr, /last lines of its output:\n(?: {2}\d+\n)+ {2}oh no\n/);
    assert.match(first.stderr, /3 \| >>> RUN seq 100/);
    const again = await store.build(context);
    assert.equal(again.stderr.match(/^#\d+ CACHED$/gm)?.length, 1);
    assert.match(again.stderr, /exit code: 42/);
  });

  test('a file whose name is a whiteout’s cannot be stored: the step fails and names it', async () => {
    const message = await refused({ Dockerfile: 'FROM busybox:local\nRUN mkdir /d && touch /d/.wh.file\n' });
    assert.match(message, /\/?d\/\.wh\.file/);
    assert.match(message, />>> RUN mkdir/);
    const copied = await refused({ Dockerfile: 'FROM busybox:local\nCOPY . /\n', '.wh.file': '' });
    assert.match(copied, /\.wh\.file/);
    assert.match(copied, />>> COPY/);
  });

  for (const kind of ['erofs', 'directory'] as const) {
    test(`never outside the root: names in an archive, on a store that mounts by ${kind}`, async () => {
      await using own = new TestStore();
      using _disk = kind === 'directory' ? TestMount.tmpfs(own.root, 64) : undefined;
      const tar = join(own.folder, 'hostile.tar');
      const before = readFolder(canary);
      writeFileSync(tar, hostileTar({ outside: canary, busybox: readFileSync('/usr/bin/busybox') }));
      await own.ok(['import', tar, 'hostile']);
      const script = "find / -xdev -type f -name 'from-*' | sort; find / -xdev -name canary -exec cat {} +";
      const ended = await own.ok(['run', '--rm', 'hostile', '/bin/busybox', 'sh', '-c', script]);
      for (const name of ['dotdot', 'absolute', 'inside', 'absolute-symlink', 'relative-symlink']) {
        assert.match(ended.stdout, new RegExp(`/from-${name}\\n`));
      }
      assert.doesNotMatch(ended.stdout, /untouched/);
      const text = 'FROM hostile\nCOPY file /kept/copied\nRUN ["/bin/busybox", "sh", "-c", "echo run > /kept/ran"]\n';
      await own.ok(['build', '-q', own.context('c', { Dockerfile: text, file: 'copied' })]);
      await own.ok(['check']);
      assert.deepEqual(readFolder(canary), before);
    });
  }
});

describe('a machine that lacks something', { skip: needsRoot }, () => {
  for (const { name, mount, skip } of [
    { name: 'tmpfs', mount: TestMount.tmpfs, skip: false },
    { name: 'ext4', mount: TestMount.ext4, skip: noExt4 },
  ] as const) {
    test(`a full disk (${name}): says so, and all is well when there is room again`, { skip }, async () => {
      await using store = new TestStore();
      using disk = mount(store.root, 32);
      await store.busybox();
      const run = store.context('run', { Dockerfile: 'FROM busybox:local\nRUN cat /dev/zero > /big\n' });
      const copy = store.context('copy', {
        Dockerfile: 'FROM busybox:local\nCOPY big /\n',
        big: Buffer.alloc(40 << 20, 1),
      });
      const pack = 'FROM busybox:local\nRUN dd if=/dev/zero of=/a bs=1M count=15 && cp /a /b\n';
      const ballast = join(disk.target, 'ballast');
      assert.match(failure(await store.build(run)), /no space left/i);
      assert.match(failure(await store.build(copy)), /no space left/i);
      const talk = 'FROM busybox:local\nRUN yes "$(seq -s, 1 1000)"\n';
      assert.match(failure(await store.build(store.context('talk', { Dockerfile: talk }))), /no space left/i);
      assert.match(failure(await store.build(store.context('pack', { Dockerfile: pack }))), /no space left/i);
      const tar = join(store.folder, 'rootfs.tar');
      spawnSync('tar', ['-cf', tar, '-C', copy, '.']);
      assert.match(failure(await store.run(['import', tar, 'big'])), /no space left/i);
      fill(ballast);
      const small = store.context('small', {
        Dockerfile: 'FROM busybox:local\nCOPY f /\n',
        f: Buffer.alloc(100_000, 1),
      });
      assert.match(failure(await store.build(small, '-t', 'small')), /no space left|the disk is full/i);
      rmSync(ballast);
      assert.match((await store.ok(['check'])).stdout, /everything is whole/);
      await store.ok(['build', '-q', '-t', 'small', small]);
      await store.ok(['run', '--rm', 'small', 'test', '-s', '/f']);
    });
  }

  test('overlay on overlay cannot hold whiteouts: a store on an overlayfs is refused', async () => {
    await using store = new TestStore();
    using _disk = TestMount.overlay(store.root);
    const ended = await store.run(['images']);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /on overlay, which cannot hold writable layers\nhint: .*--root/);
    assert.deepEqual(readdirSync(store.root), []);
  });

  test('no runtime: which packages have one; what needs no container still works', async () => {
    await using store = new TestStore();
    await store.busybox();
    const run = store.context('run', { Dockerfile: 'FROM busybox:local\nRUN true\n' });
    const copy = store.context('copy', { Dockerfile: 'FROM busybox:local\nCOPY Dockerfile /\n' });
    const without = (...args: readonly string[]): Promise<Ended> => runWithout(['runc', 'crun'], store, args);
    const built = await without('build', run);
    assert.equal(built.code, 1);
    assert.match(
      built.stderr,
      /crun is not installed; runc is not installed.*\n(.*\n)*hint: apt-get install crun, or runc/,
    );
    const ran = await without('run', '--rm', 'busybox:local', 'true');
    assert.equal(ran.code, 125);
    assert.match(ran.stderr, /hint: apt-get install crun, or runc/);
    assert.equal((await without('build', '-q', copy)).code, 0);
    assert.equal((await without('check')).code, 0);
  });

  test('a missing monitor or init: which package has it', async () => {
    await using store = new TestStore();
    await store.busybox();
    const ran = await runWithout(['conmon'], store, ['run', '--rm', 'busybox:local', 'true']);
    assert.equal(ran.code, 125);
    assert.match(ran.stderr, /hint: apt-get install conmon/);
    const run = store.context('run', { Dockerfile: 'FROM busybox:local\nRUN true\n' });
    const built = await runWithout(['tini-static'], store, ['build', run]);
    assert.equal(built.code, 1);
    assert.match(built.stderr, /hint: apt-get install tini/);
  });

  test('no root: says what to do, and makes nothing', { skip: unreadableProgram() }, async () => {
    await using store = new TestStore();
    chmodSync(store.folder, 0o777);
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
    const env = { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot };
    for (const args of [['images'], ['build', store.folder], ['run', '--rm', 'x']]) {
      const ended = await runProgram('setpriv', [...user, program, ...args], { env });
      assert.equal(ended.code, args[0] === 'run' ? 125 : 1);
      assert.match(ended.stderr, /needs root.*\nhint: run it with sudo/);
    }
    assert.equal(existsSync(store.root), false);
    const version = await runProgram('setpriv', [...user, program, 'version'], { env });
    assert.equal(version.code, 0, version.stderr);
  });
});

/** `%` stands for the folder outside. */
function placed(text: string, outside: string): string {
  return text.replace('%', outside);
}

/** The program in a mount namespace of its own, where some of the system's programs are not to be found. */
function runWithout(missing: readonly string[], store: TestStore, args: readonly string[]): Promise<Ended> {
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const paths = folders
    .flatMap((folder) => missing.map((name) => join(folder, name)))
    .filter((path) => existsSync(path));
  const hidden = [...new Set(paths.map((path) => realpathSync(path)))];
  const script = [...hidden.map((path) => `mount --bind /dev/null ${path}`), 'exec "$0" "$@"'].join(' && ');
  const env = { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot, VARVE_RUNTIME: '' };
  return runProgram('unshare', ['--mount', 'sh', '-c', script, program, ...args], { env });
}

/** Some folder on the way to the program may be closed to others. */
function unreadableProgram(): string | false {
  const { status } = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat', program]);
  return status === 0 ? false : 'the checkout cannot be read by others';
}

/** Takes all the room that there is. */
function fill(path: string): void {
  spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M'], { stdio: 'ignore' });
  spawnSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=4k', 'oflag=append', 'conv=notrunc'], { stdio: 'ignore' });
}

function failure(ended: Ended): string {
  assert.equal(ended.code, 1, `ended with ${ended.code}: ${ended.stdout}${ended.stderr}`);
  assert.doesNotMatch(ended.stderr, /internal:|at .*\.ts:\d/);
  return ended.stderr;
}

function readFolder(path: string): Readonly<Record<string, string>> {
  const names = readdirSync(path).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(path, name), 'latin1')]));
}

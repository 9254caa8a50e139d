import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gitServer, TestRepository } from './git-server.fixture.ts';
import { parseGitUrl } from './parse-git-url.ts';
import type { GitReference } from './git-reference.ts';
import { sourceStore } from './store.fixture.ts';

const skip = existsSync('/usr/bin/git') ? false : 'git is not installed';

function parsed(text: string): GitReference {
  const reference = parseGitUrl(text);
  assert.ok(reference, text);
  return reference;
}

interface Folder extends Disposable {
  readonly path: string;
}

function temporaryFolder(): Folder {
  const path = mkdtempSync('/var/tmp/varve-git-');
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("a repository is fetched by git's own protocol", { skip }, async () => {
  using folder = temporaryFolder();
  new TestRepository(join(folder.path, 'app.git')).commit({ a: '1' });
  const server = createServer((socket) => {
    const args = ['daemon', '--inetd', '--export-all', `--base-path=${folder.path}`];
    const child = spawn('git', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined);
    socket.on('error', () => undefined).pipe(child.stdin);
    child.stdout.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  using store = sourceStore();
  try {
    const { port } = server.address() as AddressInfo;
    using checkout = await store.sources.fetchGit(parsed(`git://127.0.0.1:${port}/app.git`), {});
    assert.deepEqual(readdirSync(checkout.root), ['a']);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A program `ssh` that writes down how it was started, and then does what it was asked to on this machine. */
function fakeSsh(folder: string): { readonly searchPath: string; said(): string } {
  const bin = join(folder, 'bin');
  const log = join(folder, 'ssh.log');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'ssh'),
    `#!/bin/sh\necho "$SSH_AUTH_SOCK| $*" >> ${log}\nfor last in "$@"; do :; done\nexec sh -c "$last"\n`,
  );
  chmodSync(join(bin, 'ssh'), 0o755);
  return { searchPath: `${bin}:/usr/bin:/bin`, said: () => readFileSync(log, 'utf8') };
}

test('ssh gets the agent that it is given and none else, and no setting of the machine', { skip }, async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'app.git');
  new TestRepository(path).commit({ a: '1' });
  const ssh = fakeSsh(folder.path);
  process.env['SSH_AUTH_SOCK'] = '/run/not-this-one';
  using store = sourceStore({ searchPath: ssh.searchPath });
  try {
    (await store.sources.fetchGit(parsed(`git@host.example:${path}`), {}))[Symbol.dispose]();
    assert.match(ssh.said(), /^\| -F \/dev\/null /m);
    assert.match(ssh.said(), /StrictHostKeyChecking=accept-new -o UserKnownHostsFile="[^"]*\/git\/known_hosts"/);
    assert.match(ssh.said(), / git@host\.example git-upload-pack '/);
    const options = { ssh: { authSock: '/run/agent', knownHosts: '/etc/my hosts' } };
    (await store.sources.fetchGit(parsed(`ssh://me:s3cret@host.example:22${path}`), options))[Symbol.dispose]();
    assert.match(ssh.said(), /^\/run\/agent\| .*StrictHostKeyChecking=yes -o UserKnownHostsFile="\/etc\/my hosts"/m);
    assert.match(ssh.said(), / -p 22 me@host\.example /);
    assert.ok(!ssh.said().includes('not-this-one') && !ssh.said().includes('s3cret'));
  } finally {
    delete process.env['SSH_AUTH_SOCK'];
  }
});

/** Processes that have this text among their arguments or in their environment. */
function processesWith(text: string): readonly string[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const files = ['cmdline', 'environ'];
  return numbers.filter((pid) => files.some((name) => readIfThere(`/proc/${pid}/${name}`).includes(text)));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

test('when this program is killed git ends too, and the next fetch works', { skip }, async () => {
  using folder = temporaryFolder();
  new TestRepository(join(folder.path, 'app.git')).commit({ a: '1' });
  let hangs = true;
  const reached = Promise.withResolvers<void>();
  await using server = await gitServer(folder.path, {
    intercept: (request) => {
      if (!hangs || request.method !== 'POST') return false;
      reached.resolve();
      return true;
    },
  });
  using store = sourceStore();
  const program = `
    import { openRemoteSources, parseGitUrl } from '${join(import.meta.dirname, 'index.ts')}';
    import { openBlobStore } from '${join(import.meta.dirname, '../blob/index.ts')}';
    import { openState } from '${join(import.meta.dirname, '../state/index.ts')}';
    const root = '${store.root}';
    const state = openState(root);
    const areas = { temporary: () => ({ workDir: root + '/work/source-x', [Symbol.dispose]() {} }) };
    const sources = openRemoteSources({
      root, areas, blobs: openBlobStore({ root }), cache: state.cache, locks: state.locks, userAgent: 'x', proxies: {},
      timeouts: { stallMs: 1000 },
    });
    await sources.fetchGit(parseGitUrl('${server.origin}/app.git'), {});
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await Promise.race([reached.promise, ended]);
  child.kill('SIGKILL');
  await ended;
  while (processesWith(store.root).length > 0) await delay(20);
  hangs = false;
  using checkout = await store.sources.fetchGit(parsed(`${server.origin}/app.git`), {});
  assert.deepEqual(readdirSync(checkout.root), ['a']);
});

/** Repositories that are reached over ssh, by an OpenSSH server of the test's own: as context, as named context and in ADD. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestRepository } from '../src/source/git-server.fixture.ts';
import { needsRoot, TestStore } from './test-store.ts';

const sshd = '/usr/sbin/sshd';
const needsServer = existsSync(sshd) ? false : 'openssh-server is not installed';

describe('git over ssh', { skip: needsRoot || needsServer }, () => {
  const store = new TestStore();
  const key = join(store.folder, 'key');
  const repository = join(store.folder, 'app.git');
  let server: SshServer;
  let url: string;

  before(async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    new TestRepository(repository).commit({ Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'by ssh\n' });
    server = await startServer(join(store.folder, 'sshd'), readFileSync(`${key}.pub`, 'utf8'));
    url = `ssh://root@127.0.0.1:${server.port}${repository}`;
  });
  after(async () => {
    server.end();
    await store[Symbol.asyncDispose]();
  });

  async function fileOf(image: string, path: string): Promise<string> {
    const out = join(store.folder, 'out');
    const context = store.context('read', { Dockerfile: `FROM ${image}\n` });
    await store.ok(['build', '-q', '-o', out, context]);
    const text = readFileSync(join(out, path), 'utf8');
    rmSync(out, { recursive: true });
    return text;
  }

  test('a context: with a key, which an agent of the build holds while it runs', async () => {
    const { stderr } = await store.ok(['build', '--progress=plain', '-t', 'context', '--ssh', `default=${key}`, url]);
    assert.match(stderr, /\[internal\] load build context/);
    assert.equal(await fileOf('context', 'file'), 'by ssh\n');
    assert.ok(!processList().includes(store.folder + '/run'), 'the agent has ended');
  });

  test('ADD and a named context: by the agent of who builds; what is fetched is a step of its own', async () => {
    const socket = join(store.folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      while (!existsSync(socket)) await delay(10);
      execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
      const Dockerfile = `FROM scratch\nADD ${url} /added/\nCOPY --from=named file /copied\n`;
      const args = ['--progress=plain', '-t', 'added', '--ssh', 'default', '--build-context', `named=${url}`];
      const env = { SSH_AUTH_SOCK: socket };
      const { stderr } = await store.ok(['build', ...args, store.context('add', { Dockerfile })], { env });
      assert.match(stderr, /\[internal\] load ssh:\/\/127\.0\.0\.1:\d+\/.*\/app\.git/);
      assert.equal(await fileOf('added', 'added/file'), 'by ssh\n');
      assert.equal(await fileOf('added', 'copied'), 'by ssh\n');
    } finally {
      agent.kill();
    }
  });

  test('without a key the server says no, and the error says what helps', async () => {
    const Dockerfile = `FROM scratch\nADD ${url}#0123456789012345678901234567890123456789 /\n`;
    const { code, stderr } = await store.build(store.context('none', { Dockerfile }));
    assert.equal(code, 1);
    assert.match(stderr, /Permission denied/);
    assert.match(stderr, /--ssh default/);
  });

  test('an agent that does not answer is named; a build that needs none does not ask it', async () => {
    const socket = join(store.folder, 'deaf');
    const deaf = createServer();
    await new Promise<void>((resolve) => deaf.listen(socket, resolve));
    await new Promise((resolve) => deaf.close(resolve));
    execFileSync('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(socket)})`]);
    const { code, stderr } = await store.run(['build', '--ssh', `default=${socket}`, url]);
    assert.equal(code, 1);
    assert.match(stderr, /reach the SSH agent at .*deaf/);
    const context = store.context('plain', { Dockerfile: 'FROM scratch\nCOPY file /\n', file: '' });
    await store.ok(['build', '-q', '--ssh', `default=${socket}`, context]);
  });
});

interface SshServer {
  readonly port: number;
  readonly end: () => void;
}

/** An sshd on loopback that lets one key in, and nothing else. */
async function startServer(folder: string, publicKey: string): Promise<SshServer> {
  mkdirSync(folder, { mode: 0o700 });
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const hostKey = join(folder, 'host');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
  writeFileSync(join(folder, 'authorized'), publicKey, { mode: 0o600 });
  const port = await freePort();
  const settings = {
    ListenAddress: '127.0.0.1',
    Port: port,
    HostKey: hostKey,
    PidFile: 'none',
    AuthorizedKeysFile: join(folder, 'authorized'),
    PermitRootLogin: 'yes',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    UsePAM: 'no',
    StrictModes: 'no',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(join(folder, 'config'), lines.join(''));
  const child = spawn(sshd, ['-D', '-q', '-f', join(folder, 'config')], { stdio: 'ignore' });
  await listening(port, child);
  return { port, end: () => void child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await delay(20);
  }
  throw new Error(`sshd ended with ${child.exitCode}`);
}

function processList(): string {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
}

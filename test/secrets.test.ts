/** Secrets of a build are in memory while a step has them, and nowhere else, at any time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mountsBelow, needsRoot, TestStore } from './test-store.ts';

const fileSecret = 'file-secret-1f0c9d2b';
const envSecret = 'env-secret-77a3e5c4';

const dockerfile = `FROM busybox:local
RUN --mount=type=secret,id=file,required --mount=type=secret,id=env,env=TOKEN,required \\
    sha256sum /run/secrets/file > /sum && echo "$TOKEN" | sha256sum >> /sum && cat /run/secrets/file && echo "t=$TOKEN" \\
    && sleep 2 && echo "t=$TOKEN" >&2
RUN --mount=type=secret,id=file --mount=type=secret,id=env,target=/e sleep 1; cat /e; ls -R /run 2>/dev/null; exit 3
`;

describe('secrets', { skip: needsRoot }, () => {
  const store = new TestStore();
  before(async () => store.busybox());
  after(async () => store[Symbol.asyncDispose]());

  test('appear in no file of the store, no process list, no log and no history', async () => {
    const context = store.context('secrets', { Dockerfile: dockerfile, '.dockerignore': '*\n' });
    const file = join(store.context('given', { file: `${fileSecret}\n` }), 'file');
    const secrets = ['--secret', `id=file,src=${file}`, '--secret', 'id=env,env=THE_TOKEN'];
    const sampler = new Sampler(store);
    const ended = await store.run(['build', '--progress=plain', '-t', 'secret', ...secrets, context], {
      env: { THE_TOKEN: envSecret },
      onStart: () => sampler.start(),
    });
    sampler.stop();
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /\n#\d+ \S+ \*\*\*\n(.*\n)*#\d+ \S+ t=\*\*\*\n(.*\n)*#\d+ \S+ t=\*\*\*\n/);
    assertHidden(ended.stdout + ended.stderr);
    assert.ok(sampler.seenRunning, 'no step was seen while it ran');
    assert.deepEqual(sampler.found, []);
    assert.deepEqual(filesWith(store.root), []);
    assert.deepEqual(filesWith(store.runRoot), []);
    assert.deepEqual(mountsBelow(store.folder), []);
  });

  test('the step has them, its history does not, and another value does not run it again', async () => {
    const context = store.context('used', {
      Dockerfile: 'FROM busybox:local\nRUN --mount=type=secret,id=env,env=TOKEN echo "${#TOKEN}" > /length\n',
    });
    const build = async (value: string): Promise<string> => {
      const args = ['build', '--progress=plain', '-t', 'used', '--secret', 'id=env,env=THE_TOKEN', context];
      return (await store.ok(args, { env: { THE_TOKEN: value } })).stderr;
    };
    assert.doesNotMatch(await build(envSecret), /CACHED/);
    assert.match(await build('another'), /CACHED/);
    const shown = await store.ok(['run', '--rm', 'used', 'cat', '/length']);
    assert.equal(shown.stdout, `${envSecret.length}\n`);
    assertHidden((await store.ok(['history', '--no-trunc', 'used'])).stdout);
    assertHidden((await store.ok(['inspect', 'used'])).stdout);
    assert.deepEqual(filesWith(store.root), []);
  });

  test('what is missing or too large is said at its line', async () => {
    const context = store.context('large', {
      Dockerfile: 'FROM busybox:local\nRUN --mount=type=secret,id=large cat /run/secrets/large\n',
    });
    const file = join(store.context('larger', { file: Buffer.alloc(500 * 1024 + 1) }), 'file');
    const ended = await store.run(['build', '--secret', `id=large,src=${file}`, context]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /ERROR: read secret large: it has more than 512000 bytes\nDockerfile:2\n/);
  });
});

describe('an SSH agent', { skip: needsRoot || (isMissing('ssh-agent') && 'needs openssh-client') }, () => {
  const store = new TestStore();
  const folder = mkdtempSync(join(tmpdir(), 'varve-ssh-'));
  const key = join(folder, 'key');
  before(async () => {
    await store.busybox();
    const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'the-key', '-f', key]);
    assert.equal(made.status, 0, String(made.stderr));
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await store[Symbol.asyncDispose]();
  });

  /** With the machine's own ssh-add and its libraries, which the base does not have. */
  const asking = `FROM busybox:local
ENV LD_LIBRARY_PATH=/ctx/lib
RUN --mount=target=/ctx --mount=type=ssh,required,mode=0666 --mount=type=ssh,id=other ls -l "$SSH_AUTH_SOCK" \\
    && /ctx/lib/loader /ctx/ssh-add -l; /ctx/lib/loader /ctx/ssh-add -D; /ctx/lib/loader /ctx/ssh-add -l
`;

  async function built(flag: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const context = store.context('ssh', { Dockerfile: asking, ...programFiles('/usr/bin/ssh-add') });
    return (await store.ok(['build', '--no-cache', '--progress=plain', '--ssh', flag, context], { env })).stderr;
  }

  test('of one key is there for a step, and can be asked and not changed', async () => {
    assertAsked(await built(`default=${key}`));
    assert.deepEqual(agentsOf(store.runRoot), []);
  });

  test('at a socket is forwarded', async () => {
    const socket = join(folder, 'socket');
    const started = spawnSync('ssh-agent', ['-a', socket], { encoding: 'utf8' });
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started.stdout)?.[1]);
    try {
      spawnSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      assertAsked(await built(`default=${socket}`));
      assertAsked(await built('default', { SSH_AUTH_SOCK: socket }));
    } finally {
      process.kill(pid);
    }
  });

  test('cannot be given a file that is no key', async () => {
    const file = join(store.context('no-key', { file: 'nonsense' }), 'file');
    const context = store.context('ssh-bad', { Dockerfile: 'FROM busybox:local\nRUN --mount=type=ssh true\n' });
    const ended = await store.run(['build', '--ssh', `default=${file}`, context]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /ERROR: load SSH key .*file: /);
    assert.deepEqual(agentsOf(store.runRoot), []);
  });
});

function assertAsked(output: string): void {
  assert.match(output, / srw-rw-rw- .* \/run\/buildkit\/ssh_agent\.0\n(.*\n)*/);
  assert.equal(output.match(/ 256 SHA256:\S+ the-key \(ED25519\)\n/g)?.length, 2, output);
  assert.match(output, / Failed to remove all identities\.\n/);
}

function assertHidden(text: string): void {
  for (const secret of [fileSecret, envSecret]) assert.ok(!text.includes(secret), `${secret} was shown`);
}

/** Files that hold a secret, those of other file systems mounted there left out. */
function filesWith(folder: string): readonly string[] {
  const files = spawnSync('find', [folder, '-xdev', '-type', 'f', '-print0'], { encoding: 'utf8' }).stdout.split('\0');
  return files.filter(Boolean).filter((path) => holdsSecret(contentOf(path)));
}

function holdsSecret(content: Buffer): boolean {
  return [fileSecret, envSecret].some((secret) => content.includes(secret));
}

/** What has gone meanwhile holds nothing. */
function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Looks at the store and at all processes, again and again while a build runs. */
class Sampler {
  readonly #store: TestStore;
  readonly found: string[] = [];
  seenRunning = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: TestStore) {
    this.#store = store;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), 100);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const commands = pids.map((pid) => ({ pid, content: contentOf(`/proc/${pid}/cmdline`) }));
    this.seenRunning ||= commands.some(({ content }) => content.includes('sha256sum /run/secrets/file'));
    this.found.push(...commands.flatMap(({ pid, content }) => (holdsSecret(content) ? [`process ${pid}`] : [])));
    this.found.push(...filesWith(this.#store.root), ...filesWith(this.#store.runRoot));
  }
}

/** Agents whose socket is below the folder. */
function agentsOf(folder: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const commands = pids.map((pid) => contentOf(`/proc/${pid}/cmdline`).toString('latin1').replaceAll('\0', ' '));
  return commands
    .filter((command) => command.startsWith('ssh-agent') || command.includes('/ssh-agent '))
    .filter((command) => command.includes(folder));
}

/** The program with what it is linked to, its loader as `loader`. */
function programFiles(path: string): Record<string, { readonly content: Buffer; readonly mode: number }> {
  const lines = spawnSync('ldd', [path], { encoding: 'utf8' }).stdout.split('\n');
  const libraries = lines.flatMap((line) => /(\/\S+)/.exec(line)?.[1] ?? []);
  const named = libraries.map((each) => [`lib/${/\/ld-[^/]*$/.test(each) ? 'loader' : basename(each)}`, each] as const);
  const files = [[basename(path), path] as const, ...named];
  return Object.fromEntries(files.map(([name, each]) => [name, { content: readFileSync(each), mode: 0o755 }]));
}

function isMissing(program: string): boolean {
  return spawnSync('which', [program]).status !== 0;
}

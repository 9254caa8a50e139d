/**
 * What a clumsy or a hostile user gives to `varve build`: wrong values of every flag, Dockerfiles that are none, mounts that
 * lead out. Each ends with an error that says what is wrong and in which line, in bounded time, and leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mountsBelow, needsRoot, TestStore, type Ended, type FileTree } from './test-store.ts';

/** Arguments of a build, and the error that it ends with; `code` is 1 unless it is said. */
interface WrongFlag {
  readonly args: readonly string[];
  readonly error: string | RegExp;
  readonly code?: 125;
}

const wrongFlags: readonly WrongFlag[] = [
  { args: ['--add-host', 'nocolon'], error: 'bad format for add-host: "nocolon"' },
  { args: ['--add-host', 'x:no-address'], error: /add-host/ },
  { args: ['--add-host', 'x\ny:1.2.3.4'], error: /bad format for add-host: "x\\ny:1\.2\.3\.4"/ },
  { args: ['--allow', 'everything'], error: /everything/ },
  { args: ['--annotation', 'x'], error: 'parse annotation "x": expected KEY=VALUE' },
  { args: ['--annotation', 'nowhere:k=v'], error: /unknown place "nowhere", known are manifest/ },
  { args: ['--annotation', 'index:k=v'], error: /there is no index for an image of a single platform/ },
  { args: ['--build-arg', '=x'], error: 'invalid environment variable: =x' },
  { args: ['--build-context', 'x'], error: 'invalid context value: x, expected key=value' },
  { args: ['--build-context', 'x='], error: 'failed to get build context x: stat : no such file or directory' },
  { args: ['--build-context', 'A B=.'], error: /invalid context name A B/ },
  { args: ['--cache-from', 'type=nothing'], error: /nothing/ },
  { args: ['--cache-to', 'type=nothing'], error: /nothing/ },
  { args: ['--cgroup-parent', 'a', '--cpus', 'x'], error: /invalid argument "x" for "--cpus" flag/ },
  { args: ['--cpu-period', '-5'], error: /invalid argument "-5" for "--cpu-period" flag/ },
  { args: ['--cpu-quota', 'x'], error: /invalid argument "x" for "--cpu-quota" flag/ },
  { args: ['--cpu-shares', 'x'], error: /invalid argument "x" for "--cpu-shares" flag/ },
  { args: ['--cpus', '-1'], error: /invalid argument "-1" for "--cpus" flag/ },
  { args: ['--cpuset-cpus', 'x'], error: /invalid argument "x" for "--cpuset-cpus" flag: write it as 0-3 or 0,1/ },
  { args: ['--cpuset-mems', 'x'], error: /invalid argument "x" for "--cpuset-mems" flag/ },
  { args: ['--file', 'nothing'], error: /failed to read dockerfile: open nothing: no such file or directory/ },
  { args: ['--file', '/etc'], error: /it is a dir, not a file/ },
  { args: ['--format', 'yaml'], error: /invalid argument "yaml" for "--format" flag: must be one of json/, code: 125 },
  { args: ['--format', 'json'], error: '--format is for --check alone' },
  { args: ['--iidfile', '/tmp'], error: '--iidfile /tmp: it is a folder' },
  { args: ['--iidfile', '/nowhere/x'], error: '--iidfile /nowhere/x: there is no folder /nowhere' },
  { args: ['--jobs', '0'], error: '--jobs "0": expected a number from 1 on' },
  { args: ['--label', '=x'], error: "invalid label '=x': empty name" },
  { args: ['--memory', 'x'], error: "invalid size: 'x'" },
  { args: ['--memory', '1'], error: /limit memory of the container to 1: the least that works is/ },
  { args: ['--memory', '10m', '--memory-swap', 'x'], error: "invalid size: 'x'" },
  { args: ['--memory-swap', '10m'], error: /the limit of memory itself is missing/ },
  { args: ['--metadata-file', '/tmp'], error: '--metadata-file /tmp: it is a folder' },
  { args: ['--network', 'container:x'], error: /invalid argument "container:x" for "--network" flag/, code: 125 },
  { args: ['--no-cache-filter', 'nothing'], error: '--no-cache-filter: there is no stage "nothing"' },
  { args: ['--no-cache-step', '0'], error: '--no-cache-step "0": expected N or STAGE:N' },
  { args: ['--no-cache-step', '99'], error: /the build has no such step/ },
  { args: ['--output', 'type=x'], error: /unknown type "x", known are local, tar, oci, docker, image/ },
  { args: ['--output', 'type=local'], error: 'output "type=local": dest is required' },
  { args: ['--output', 'type=tar,dest=/tmp'], error: 'write /tmp: it is a folder' },
  { args: ['--output', 'type=local,dest=/dev/null'], error: 'write /dev/null: it is a file, not a folder' },
  { args: ['--platform', 'a/b/c/d'], error: 'parse platform "a/b/c/d": unknown operating system or architecture' },
  { args: ['--progress', 'x'], error: /invalid argument "x" for "--progress" flag/, code: 125 },
  { args: ['--runtime', 'nope'], error: /container runtime "nope": neither crun nor runc/ },
  { args: ['--runtime', '/nowhere/crun'], error: /\/nowhere\/crun/ },
  { args: ['--secret', 'x'], error: "--secret x: invalid field 'x' must be a key=value pair" },
  { args: ['--secret', 'id=x,src=/nowhere'], error: '--secret id=x: there is no file /nowhere' },
  { args: ['--secret', 'id=x,src=/tmp'], error: '--secret id=x: /tmp is a directory' },
  { args: ['--shm-size', '-1'], error: "invalid size: '-1'" },
  { args: ['--source-date-epoch', 'x'], error: 'SOURCE_DATE_EPOCH "x": expected seconds since 1970' },
  { args: ['--ssh', 'default=/nowhere'], error: '--ssh default=/nowhere: there is no file /nowhere' },
  { args: ['--tag', 'A B'], error: /^invalid tag "A B"/ },
  { args: ['--tag', '\u001B[31mx'], error: /^invalid tag "\\u001b\[31mx"/ },
  { args: ['--target', 'nothing'], error: 'target stage "nothing" could not be found' },
  { args: ['--ulimit', 'nofile=10:5'], error: 'ulimit soft limit must be less than or equal to hard limit: 10 > 5' },
  { args: ['--ulimit', 'x=1'], error: 'invalid ulimit type: x' },
  { args: ['--nothing'], error: 'unknown flag: --nothing', code: 125 },
];

/** Flags for which no value is wrong by itself. */
const anyValue = new Set(['--cgroup-parent']);

/** A Dockerfile on `busybox:local`, and the error that its last line is told with. */
interface WrongLine {
  readonly lines: readonly string[];
  readonly error: string | RegExp;
  /** Counts from 1, with the FROM above `lines`; the last one unless it is said. */
  readonly line?: number;
  readonly args?: readonly string[];
}

const zeros = '0'.repeat(64);

const wrongLines: readonly WrongLine[] = [
  ...wrongRuns([
    ['--mount=type=bind,source=../../etc,target=/m', /^failed to compute cache key: "\/etc": not found/],
    ['--mount=type=bind,source=out,target=/m', /^failed to compute cache key: "\/out": not found/],
    ['--mount=type=bind,source=up/passwd,target=/m', /not found/],
    ['--mount=type=bind,target=..', /invalid mount target "\/"/],
    ['--mount=type=tmpfs,target=/', /invalid mount target "\/"/],
    ['--mount=type=cache', /invalid mount target "\/"/],
    ['--mount=type=bind,target=/proc/sys', /invalid mount target "\/proc\/sys": a container has its own/],
    ['--mount=type=bind,target=/to-proc/x', /\/to-proc\/x/],
    ['--mount=type=tmpfs,target=/dev', /invalid mount target "\/dev": a container has its own/],
    ['--mount=type=bind,source=pipe,target=/m', 'mount on /m: it is neither a file nor a directory'],
    ['--mount=type=cache,target=/c,sharing=x', 'unsupported sharing value "x"'],
    ['--mount=type=cache,target=/c,mode=x', 'invalid value x for mode'],
    ['--mount=type=cache,target=/c,uid=-1', 'invalid value -1 for uid'],
    ['--mount=type=tmpfs,target=/c,size=x', 'invalid value for size: x'],
    ['--mount=type=secret,required', 'invalid secret mount. one of source, target required'],
    ['--mount=type=secret,id=x,required', 'secret x: not found'],
    ['--mount=type=secret,id=x,env=X,required=true', 'secret x: not found'],
    ['--mount=type=ssh,required', 'no SSH key "default" forwarded from the client'],
    ['--mount=type=x', 'unsupported mount type "x"'],
    ['--mount=x', "invalid field 'x' must be a key=value pair"],
    ['--mount', /missing a value on flag: --mount/],
    ['--mount=type=bind,target=/a,__proto__=1', /unexpected key '__proto__'/],
    ['--mount=from=$X,target=/a', /'from' doesn't support variable expansion/],
    ['--mount=from=busybox:local,source=/x,target=/a', /^failed to compute cache key: "\/x": not found/],
    ['--network=x', /invalid network mode "x"/],
    ['--network=host', 'network.host is not allowed'],
    ['--security=insecure', 'security.insecure is not allowed'],
    ['--security=x', /security "x" is not valid/],
    ['--x', /unknown flag: --x/],
  ]),
  { lines: ['COPY ../../../../etc/passwd /p'], error: /^failed to compute cache key: "\/etc\/passwd": not found/ },
  { lines: ['COPY out /p'], error: /^failed to compute cache key: "\/out": not found/ },
  { lines: ['COPY up/passwd /p'], error: /not found/ },
  { lines: ['COPY --from=0 / /'], error: 'circular dependency detected on stage: 0' },
  { lines: ['COPY --from=9 / /'], error: 'invalid stage index 9' },
  { lines: ['COPY --chmod=99999 Dockerfile /'], error: /invalid chmod parameter: '99999'/ },
  { lines: ['COPY --chown=nobody-knows Dockerfile /'], error: /unable to find user nobody-knows/ },
  { lines: ['ADD --checksum=x http://127.0.0.1:9/x /'], error: /^parse digest "x"/ },
  { lines: ['USER ../../etc', 'RUN id'], error: /unable to find user \.\.\/\.\.\/etc/ },
  { lines: [`RUN echo ${'x'.repeat(65_536)}`], error: /line greater than max allowed size of 65535/ },
  { lines: ['RUN <<EOF', 'echo'], error: /unterminated heredoc/, line: 2 },
  {
    lines: ['COPY --from=b /x /x', 'FROM busybox:local AS b'],
    error: /^cannot copy from stage "b", it needs to be defined before current stage/,
    line: 2,
    args: ['--target', '0'],
  },
  {
    lines: [
      `ENV a0=${'x'.repeat(64)}`,
      ...Array.from({ length: 12 }, (_, at) => `ENV a${at + 1}=${`$a${at}`.repeat(4)}`),
    ],
    error: /the result is longer than 16777216 characters/,
    line: 12,
  },
  { lines: [`ENV x=${'${a:-'.repeat(5000)}${'}'.repeat(5000)}`], error: /^failed to process/ },
  { lines: ['RUN echo a\0b'], error: 'there is a zero byte in the command' },
  { lines: ['ENV A=a\0b', 'RUN env'], error: 'there is a zero byte in the variable "A"' },
  { lines: ['ONBUILD ONBUILD RUN x'], error: /Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed/ },
  { lines: Array.from({ length: 100_000 }, () => 'RUN true'), error: /may have 10000 instructions/, line: 10_001 },
];

function wrongRuns(flags: readonly (readonly [string, string | RegExp])[]): readonly WrongLine[] {
  return flags.map(([flag, error]) => ({ lines: ['RUN ln -s /proc /to-proc', `RUN ${flag} true`], error }));
}

describe('bad builds', { skip: needsRoot }, () => {
  const store = new TestStore();
  let good = '';
  before(async () => {
    await store.busybox();
    good = store.context('good', { Dockerfile: 'FROM busybox:local\nRUN true\n' });
  });
  after(async () => {
    assert.deepEqual(leftBehind(store), []);
    await store[Symbol.asyncDispose]();
  });

  for (const { args, error, code = 1 } of wrongFlags) {
    test(`${JSON.stringify(args.join(' '))} is refused`, async () => {
      const ended = await store.build(good, '--no-cache', ...args);
      assertRefused(ended, code, error);
    });
  }

  test('there is a wrong value of every flag that takes one', async () => {
    const { stdout } = await store.ok(['build', '--help']);
    const withValue = [...stdout.matchAll(/(--[a-z-]+) \S+ {2,}/g)].map(([, flag]) => flag ?? '');
    const tried = new Set(wrongFlags.flatMap(({ args }) => args));
    assert.ok(withValue.length > 30);
    assert.deepEqual(
      withValue.filter((flag) => !tried.has(flag) && !anyValue.has(flag)),
      [],
    );
  });

  for (const [index, { lines, error, line = lines.length + 1, args = [] }] of wrongLines.entries()) {
    test(`${JSON.stringify((lines.at(-1) ?? '').slice(0, 70))} is an error that names line ${line}`, async () => {
      const context = store.context(`line-${index}`, {
        Dockerfile: `FROM busybox:local\n${lines.join('\n')}\n`,
        out: { link: '/etc/passwd' },
        up: { link: '../../../../../etc' },
      });
      assert.equal(spawnSync('mkfifo', [join(context, 'pipe')]).status, 0);
      const ended = await store.build(context, ...args);
      assertRefused(ended, 1, error);
      assert.match(ended.stderr, new RegExp(`^Dockerfile:${line}(:\\d+)?$|on line ${line}:`, 'm'));
    });
  }

  const wrongFiles: Readonly<Record<string, readonly [FileTree, RegExp]>> = {
    'a folder': [{ 'Dockerfile/x': '' }, /it is a dir, not a file/],
    'a symlink out of the context': [
      { Dockerfile: { link: '/etc/passwd' } },
      /a symlink that leads nowhere, or out of/,
    ],
    'a symlink to itself': [{ Dockerfile: { link: 'Dockerfile' } }, /Dockerfile/],
    empty: [{ Dockerfile: '' }, /on line 1: file with no instructions/],
    'white space': [{ Dockerfile: ' \t\n'.repeat(1000) }, /on line 1: file with no instructions/],
    'zero bytes': [{ Dockerfile: new Uint8Array(100_000) }, /on line 1: (unknown instruction|dockerfile line greater)/],
    'a program': [
      { Dockerfile: { content: Buffer.from('\x7fELF\x02\x01\0\0'.repeat(9999)), mode: 0o755 } },
      /on line 1:/,
    ],
    'UTF-16': [{ Dockerfile: Buffer.from('\ufeffFROM scratch\n', 'utf16le') }, /on line 1: unknown instruction/],
    'without FROM': [{ Dockerfile: 'RUN x\n' }, /on line 1: no build stage in current context/],
    'a loop of stages': [
      { Dockerfile: 'FROM busybox:local AS a\nCOPY --from=b / /\nFROM busybox:local AS b\nCOPY --from=a / /\n' },
      /cannot copy from stage "b", it needs to be defined before current stage "a"/,
    ],
    'a hostile ignore file': [
      { Dockerfile: 'FROM scratch\nCOPY . /\n', '.dockerignore': `${'**/'.repeat(1000)}b\n` },
      /a pattern may have 16 times \* \(line 1\)/,
    ],
  };
  for (const [name, [files, error]] of Object.entries(wrongFiles)) {
    test(`a Dockerfile that is ${name} is an error`, async () => {
      const context = store.context(`file-${name.replaceAll(' ', '-')}`, files);
      assertRefused(await store.build(context), 1, error);
    });
  }

  test('a Dockerfile that is a pipe or a socket is not waited for', async () => {
    const context = store.context('pipe', {});
    assert.equal(spawnSync('mkfifo', [join(context, 'Dockerfile')]).status, 0);
    assertRefused(await store.build(context), 1, /it is a fifo, not a file/);
    const other = store.context('socket', {});
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(other, 'Dockerfile'), resolve));
    try {
      assertRefused(await store.build(other), 1, /it is a socket, not a file/);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a folder of Dockerfiles that a symlink leads out of is not followed by -f', async () => {
    const context = store.context('named', { 'x/keep': '' });
    symlinkSync('/etc/passwd', join(context, 'x/Dockerfile'));
    assertRefused(await store.build(context, '-f', join(context, 'x/Dockerfile')), 1, /failed to read dockerfile/);
  });

  test('a download with another checksum, and a server that is not there, name the line', async () => {
    for (const flag of ['', `--checksum=sha256:${zeros} `]) {
      const context = store.context('download', { Dockerfile: `FROM scratch\nADD ${flag}http://127.0.0.1:9/x /\n` });
      const ended = await store.build(context);
      assertRefused(ended, 1, /^fetch http:\/\/127\.0\.0\.1:9\/x: .*ECONNREFUSED/);
      assert.match(ended.stderr, /^Dockerfile:2$/m);
    }
  });

  test('a git reference or commit that does not exist names the line', async () => {
    for (const url of ['git://127.0.0.1:9/x.git#nothing', `git://127.0.0.1:9/x.git#${'0'.repeat(40)}`]) {
      const context = store.context('git', { Dockerfile: `FROM scratch\nADD ${url} /\n` });
      const ended = await store.build(context);
      assertRefused(ended, 1, /^fetch git:\/\/127\.0\.0\.1:9\/x\.git/);
      assert.match(ended.stderr, /^Dockerfile:2$/m);
    }
  });

  test('names that JavaScript objects have are names like others', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const context = store.context('names', {
      Dockerfile: `FROM busybox:local
${names.map((name) => `ARG ${name}\nLABEL ${name}=l\nENV ${name}=e\n`).join('')}VOLUME ${names.join(' ')}
RUN --mount=type=cache,id=__proto__,target=/c --mount=type=secret,id=constructor,env=S env | sort > /env
`,
    });
    const labels = names.flatMap((name) => ['--build-arg', `${name}=1`, '--annotation', `${name}=a`]);
    await store.ok(['build', '-q', '-t', 'names', '--label', '__proto__=given', ...labels, context]);
    const [image] = JSON.parse((await store.ok(['inspect', 'names'])).stdout);
    assert.deepEqual(Object.entries(image.Config.Labels).toSorted(), [
      ['__proto__', 'given'],
      ['constructor', 'l'],
      ['toString', 'l'],
    ]);
    assert.deepEqual(Object.keys(image.Config.Volumes).toSorted(), names);
    assert.deepEqual(
      image.Config.Env.slice(1),
      names.map((name) => `${name}=e`),
    );
  });

  test('no FROM takes an image by the first letters of its ID', async () => {
    const id = (await store.ok(['build', '-q', good])).stdout.trim().slice('sha256:'.length);
    const build = (name: string): Promise<Ended> =>
      store.build(store.context('by-id', { Dockerfile: `FROM ${name}\n` }), '--network', 'none');
    assert.equal((await build(id.slice(0, 12))).code, 0);
    assert.equal((await build(id.slice(0, 11))).code, 1);
  });

  test('a command has its three streams and no other descriptor', async () => {
    const list = 'for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/}; done | tr "\\n" " "';
    const context = store.context('descriptors', { Dockerfile: `FROM busybox:local\nRUN ${list} > /fds\n` });
    await store.ok(['build', '-q', '-t', 'descriptors', context]);
    const { stdout } = await store.ok(['run', '--rm', 'descriptors', 'cat', '/fds']);
    assert.equal(stdout, '0 1 2 ');
    assert.equal((await store.ok(['run', '--rm', 'descriptors', 'sh', '-c', list])).stdout, '0 1 2 ');
  });

  test('what a file is called cannot speak to the terminal', async () => {
    const context = store.context('escape', { Dockerfile: 'FROM busybox:local\nCOPY \u001B]0;x\u0007 /\u001B[2J\n' });
    const { stderr } = await store.build(context);
    assert.match(stderr, /\\x1b\]0;x/);
    assert.equal(stderr.includes('\u001B'), false);
  });
});

/** The error in its own words, with the exit code, and nothing of the inside of the program. */
function assertRefused({ code, signal, stderr }: Ended, expected: number, error: string | RegExp): void {
  assert.deepEqual([code, signal], [expected, null], stderr.slice(-2000));
  assert.doesNotMatch(stderr, /internal:|^ {4}at .*:\d+/m);
  const said = /^(?:ERROR|Error): (.*)$/m.exec(stderr)?.[1] ?? '';
  if (typeof error === 'string') assert.equal(said, error);
  else assert.match(stderr.replaceAll(/^(?:ERROR|Error): /gm, ''), new RegExp(error, 'm'));
}

/** Mounts, work areas and half-written files. */
function leftBehind(store: TestStore): readonly string[] {
  const areas = readdirSync(store.runRoot).flatMap((each) => listed(join(store.runRoot, each, 'areas')));
  const work = ['work', 'ingest', 'trash'].flatMap((name) => listed(join(store.root, name)));
  return [...mountsBelow(store.folder), ...areas, ...work];
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

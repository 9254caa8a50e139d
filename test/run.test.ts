/** `varve run` and its kin, as a user has them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsDocker, peerProgram } from '../src/std/docker-peer.fixture.ts';
import { commandLinesWith, eventually, LiveProgram, longSleep } from './live-program.ts';
import { DockerOracle } from './docker-oracle.ts';
import { mountsBelow, needsRoot, runProgram, TestStore, type Ended } from './test-store.ts';

const image = 'busybox:local';

describe('run', { skip: needsRoot }, () => {
  const store = new TestStore();
  before(() => store.busybox());
  after(() => store[Symbol.asyncDispose]());

  const run = (...args: readonly string[]): Promise<Ended> => store.run(['run', '--rm', ...args]);
  const shell = (script: string, ...flags: readonly string[]): Promise<Ended> =>
    run(...flags, image, 'sh', '-c', script);
  const prints = async (script: string, ...flags: readonly string[]): Promise<string> => {
    const ended = await shell(script, ...flags);
    assert.equal(ended.code, 0, ended.stderr);
    return ended.stdout;
  };

  test('the exit code is the command’s own', async () => {
    for (const code of [0, 1, 2, 100, 125, 126, 127, 128, 255]) {
      assert.equal((await shell(`exit ${code}`)).code, code);
    }
    assert.equal((await shell("sh -c 'kill -9 $$'; exit $?")).code, 137);
  });

  test('125, 126, 127: the engine failed, the command cannot be run, it is not there', async () => {
    assert.equal((await run('--nonsense', image)).code, 125);
    assert.equal((await run('--pull=never', 'nothing:here')).code, 125);
    const folder = await run(image, '/etc');
    assert.equal(folder.code, 126, folder.stderr);
    assert.match(folder.stderr, /\/etc.*(permission denied|is a directory)/i);
    assert.equal((await run(image, '/etc/passwd')).code, 126);
    const missing = await run(image, 'nothing-here');
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /nothing-here.*executable file not found/);
    assert.equal((await run('-u', 'nobody-here', image, 'true')).code, 125);
    assert.equal((await store.ok(['ps', '-aq'])).stdout, '');
  });

  test('standard output and error stay apart, and arrive whole', async () => {
    const ended = await shell('seq 20000; echo to stderr >&2');
    assert.equal(ended.stdout, Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join(''));
    assert.equal(ended.stderr, 'to stderr\n');
  });

  test('input reaches it with -i, and only then', async () => {
    const input = Buffer.alloc(3_000_000, 'some input\n');
    const counted = await store.ok(['run', '--rm', '-i', image, 'wc', '-c'], { stdin: input });
    assert.equal(counted.stdout.trim(), String(input.length));
    const ignored = await store.ok(['run', '--rm', image, 'cat'], { stdin: 'nobody reads this' });
    assert.equal(ignored.stdout, '');
  });

  test('-t is a terminal: what is typed, its size, its end', async () => {
    const script = 'tty; until stty size 2>/dev/null | grep .; do sleep 0.02; done; read x; echo got $x; exit 7';
    const args = ['run', '--rm', '-it', image, 'sh', '-c', script];
    await using terminal = new LiveProgram(store, args, { terminal: { columns: 101, rows: 33 } });
    await terminal.says(/33 101/);
    const { code, stdout } = await terminal.write('typed\n').ended;
    assert.match(stdout, /\/dev\/(pts\/0|console)\s+33 101\s+(typed\s+)?got typed\s/);
    assert.equal(code, 7);
    const noTerminal = await run('-it', image, 'true');
    assert.match(noTerminal.stderr, /the input device is not a TTY/);
    assert.equal(noTerminal.code, 125);
  });

  test('signals reach its first process through varve', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 41],
      ['SIGINT', 42],
      ['SIGHUP', 43],
      ['SIGUSR1', 44],
    ] as const) {
      const script = `trap 'exit ${code}' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
      await using live = await new LiveProgram(store, ['run', '--rm', image, 'sh', '-c', script]).says(/ready/);
      assert.equal((await live.signal(signal).ended).code, code, signal);
    }
  });

  test('Ctrl-C leaves no mount, container or process behind', async () => {
    const seconds = longSleep();
    const script = `trap 'exit 130' INT; echo ready; sleep ${seconds} & wait`;
    await using live = await new LiveProgram(store, ['run', '--rm', image, 'sh', '-c', script]).says(/ready/);
    assert.equal((await live.signal('SIGINT').ended).code, 130);
    assert.deepEqual(commandLinesWith(`sleep ${seconds}`), []);
    assert.deepEqual(mountsBelow(store.folder), []);
    assert.equal((await store.ok(['ps', '-aq'])).stdout, '');
  });

  test('-d runs on; logs, wait, stop, rm', async () => {
    const script = "trap 'echo stopped; exit 3' TERM; echo out; echo err >&2; while :; do sleep 0.05; done";
    const { stdout } = await store.ok(['run', '-d', '--name', 'daemon', image, 'sh', '-c', script]);
    assert.match(stdout, /^[0-9a-f]{64}\n$/);
    const id = stdout.trim();
    await eventually('it speaks', async () => (await store.ok(['logs', 'daemon'])).stderr === 'err\n');
    assert.equal((await store.ok(['ps', '-q'])).stdout, `${id.slice(0, 12)}\n`);
    assert.match((await store.ok(['ps'])).stdout, /busybox:local .*Up .* daemon\n/);
    const removal = await store.run(['rm', 'daemon']);
    assert.equal(removal.code, 1);
    assert.match(removal.stderr, /cannot remove container "daemon": container is running/);
    await using follower = await new LiveProgram(store, ['logs', '-f', 'daemon']).says(/out/);
    await using waiter = new LiveProgram(store, ['wait', 'daemon']);
    await store.ok(['stop', 'daemon']);
    assert.equal((await waiter.ended).stdout, '3\n');
    assert.equal((await follower.ended).stdout, 'out\nstopped\n');
    assert.equal((await store.ok(['ps', '-q'])).stdout, '');
    assert.match((await store.ok(['ps', '-a'])).stdout, /Exited \(3\) .* daemon\n/);
    assert.equal(
      (await store.ok(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'daemon'])).stdout,
      'exited 3\n',
    );
    assert.deepEqual(mountsBelow(store.folder), []);
    assert.equal((await store.ok(['rm', id.slice(0, 8)])).stdout, `${id.slice(0, 8)}\n`);
    assert.equal((await store.run(['inspect', 'daemon'])).code, 1);
  });

  test('what does not heed SIGTERM is killed after the time-out', async () => {
    await store.ok(['run', '-d', '--name', 'deaf', image, 'sh', '-c', "trap '' TERM; while :; do sleep 0.05; done"]);
    await store.ok(['stop', '-t', '0', 'deaf']);
    assert.equal((await store.ok(['inspect', '-f', '{{.State.ExitCode}}', 'deaf'])).stdout, '137\n');
    await store.ok(['rm', 'deaf']);
  });

  test('a container that is created, started, started again: its changes stay', async () => {
    await store.ok(['create', '--name', 'twice', image, 'sh', '-c', 'echo run >> /runs; cat /runs']);
    await store.ok(['start', 'twice']);
    await store.ok(['wait', 'twice']);
    assert.equal((await store.ok(['start', '-a', 'twice'])).stdout, 'run\nrun\n');
    const conflict = await store.run(['create', '--name', 'twice', image]);
    assert.equal(conflict.code, 1);
    assert.match(conflict.stderr, /The container name "\/twice" is already in use by container "[0-9a-f]{64}"/);
    await store.ok(['rm', 'twice']);
  });

  test('environment, working directory, user, host name, entrypoint', async () => {
    assert.equal(await prints('echo $A $B', '-e', 'A=1', '-e', 'B=two words'), '1 two words\n');
    assert.match(await prints('echo $PATH'), /^\/usr\/local\/sbin:/);
    assert.equal(await prints('echo $HOME; pwd'), '/root\n/\n');
    assert.equal(await prints('pwd', '-w', '/made/here'), '/made/here\n');
    assert.equal(await prints('id -u; id -g', '-u', '1234:99'), '1234\n99\n');
    assert.equal(await prints('hostname', '-h', 'a-name'), 'a-name\n');
    const entry = await store.ok(['run', '--rm', '--entrypoint', '/bin/echo', image, 'given', 'words']);
    assert.equal(entry.stdout, 'given words\n');
    const names = await prints(
      'cat /etc/hostname; grep -c localhost /etc/hosts; test -e /etc/resolv.conf && echo there',
    );
    assert.match(names, /\n[1-9]\d*\nthere\n$/);
  });

  test('volumes: bound, read-only, named; a link in the image leads nowhere outside', async () => {
    const folder = store.context('bound', { file: 'from the host' });
    assert.equal(await prints('cat /v/file; echo made > /v/made', '-v', `${folder}:/v`), 'from the host');
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), 'made\n');
    const readonly = await shell('echo x > /v/x', '-v', `${folder}:/v:ro`);
    assert.notEqual(readonly.code, 0);
    assert.match(readonly.stderr, /Read-only file system/);
    await prints('echo kept > /data/f', '-v', 'named:/data');
    assert.equal(await prints('cat /data/f', '-v', 'named:/data'), 'kept\n');
  });

  test('--read-only and --network none', async () => {
    const readonly = await shell('echo x > /x', '--read-only');
    assert.match(readonly.stderr, /Read-only file system/);
    assert.equal((await prints('ls /sys/class/net', '--network', 'none')).trim(), 'lo');
    assert.equal(await prints('readlink /proc/self/ns/net'), `${readlinkSync('/proc/self/ns/net')}\n`);
  });

  test('isolation is as Docker’s default', async () => {
    const status = await prints('cat /proc/self/status');
    const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
    const capabilities = (0xa80425fbn & bounding).toString(16).padStart(16, '0');
    for (const [name, value] of [
      ['CapEff', capabilities],
      ['CapBnd', capabilities],
      ['CapInh', '0'.repeat(16)],
      ['CapAmb', '0'.repeat(16)],
      ['Seccomp', '2'],
      ['NoNewPrivs', '0'],
    ]) {
      assert.match(status, new RegExp(`^${name}:\\s*${value}$`, 'm'));
    }
    assert.match(await prints('cat /proc/self/status', '-u', '1000'), /^CapEff:\s*0{16}$/m);
    assert.match(await prints('grep NoNewPrivs /proc/self/status', '--security-opt', 'no-new-privileges'), /1/);
    for (const kind of ['pid', 'mnt', 'ipc', 'uts']) {
      assert.notEqual((await prints(`readlink /proc/self/ns/${kind}`)).trim(), readlinkSync(`/proc/self/ns/${kind}`));
    }
    assert.equal(await prints('echo $$'), '1\n');
    const masked = await prints(
      'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls -A /sys/firmware | wc -l',
    );
    assert.equal(masked, '0\n0\n');
    for (const path of ['/proc/sys/kernel/printk', '/proc/sysrq-trigger', '/sys/kernel/mm/ksm/run']) {
      assert.match(
        (await shell(`echo 1 > ${path}`)).stderr,
        /Read-only file system|Permission denied|nonexistent/,
        path,
      );
    }
    assert.match(
      (await shell('mount -t tmpfs none /mnt; mkdir -p /m; mount -t tmpfs none /m')).stderr,
      /permission denied|not permitted/i,
    );
    assert.match((await shell('unshare -U true || mknod /dev/x b 8 0 && cat /dev/x')).stderr, /not permitted|denied/i);
    assert.match((await shell('date -s 2000-01-01')).stderr, /not permitted/);
  });

  test('limits: memory and processes, where the kernel has them', async (t) => {
    const controllers = readFileSync('/proc/self/cgroup', 'utf8');
    if (!/memory/.test(controllers) && !/^0::/m.test(controllers)) return t.skip('no memory controller');
    const hog = await shell('dd if=/dev/zero of=/dev/null bs=100M count=1; echo survived', '-m', '24m');
    assert.doesNotMatch(hog.stdout, /survived[^]*100\.0MB/);
    assert.match(hog.stderr + hog.code, /Killed|memory|137/i);
    assert.equal(existsSync('oom'), false, 'the monitor left a file where it was called from');
    const forks = await shell('for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait', '--pids-limit', '4');
    assert.match(forks.stderr, /fork/);
    const { stdout } = await store.ok(['create', '-m', '24m', '--pids-limit', '4', '--cpus', '0.5', image]);
    const limits = await store.ok([
      'inspect',
      '-f',
      '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}',
      stdout.trim(),
    ]);
    assert.equal(limits.stdout, '25165824 4 500000000\n');
    await store.ok(['rm', stdout.trim()]);
  });

  test('diff lists what was added, changed and deleted', async () => {
    const script =
      'echo x > /added; mkdir -p /dir/sub; echo y >> /etc/group; rm /bin/wc; rm -r /root; mkdir /root; chmod 700 /tmp';
    await store.ok(['run', '--name', 'changed', image, 'sh', '-c', script]);
    const expected = ['A /added', 'C /bin', 'D /bin/wc', 'A /dir', 'A /dir/sub', 'C /etc', 'C /etc/group', 'C /tmp'];
    const lines = (await store.ok(['diff', 'changed'])).stdout.trim().split('\n');
    assert.deepEqual(lines, expected);
    await store.ok(['rm', 'changed']);
  });

  test('diff is Docker’s', { skip: needsDocker }, async () => {
    await using docker = new DockerOracle(join(store.folder, 'docker'));
    const archive = join(store.folder, 'base.tar');
    await store.ok(['save', '-o', archive, image]);
    await docker.load(archive, 'varve-run:base');
    const script = [
      'touch /etc; chmod 755 /bin; mv /etc/group /etc/moved; echo x > /bin/wc; ln /etc/passwd /linked',
      'rm -r /tmp; echo file > /tmp; rm -r /root; mkdir -p /root/new; ln -s nowhere /bin/vi2; mkfifo /fifo',
      'touch -d @0 /bin/cat; chown 1:1 -h /bin/ls; rm /bin/awk; mkdir /bin/awk; touch /bin/awk/in',
    ].join('; ');
    await store.ok(['run', '--name', 'both', image, 'sh', '-c', script]);
    const ours = (await store.ok(['diff', 'both'])).stdout;
    await store.ok(['rm', 'both']);
    const name = `varve-run-${process.pid}`;
    await peerDocker('run', '--network=host', '--name', name, 'varve-run:base', 'sh', '-c', script);
    const theirs = (await peerDocker('diff', name)).stdout;
    await peerDocker('rm', name);
    assert.deepEqual(ours.split('\n').toSorted(), theirs.split('\n').toSorted());
  });

  test('commit of a running and of a stopped container: one more layer, deletions as whiteouts', async () => {
    const script = 'echo new > /new; rm /bin/wc; echo ready; sleep 0.1; while test ! -e /stop; do sleep 0.05; done';
    await using running = await new LiveProgram(store, ['run', '--name', 'source', image, 'sh', '-c', script]).says(
      /ready/,
    );
    const flags = ['-m', 'a message', '-a', 'An Author', '-c', 'CMD ["cat", "/new"]', '-c', 'ENV ADDED=1'];
    const first = await store.ok(['commit', ...flags, 'source', 'committed:running']);
    assert.match(first.stdout, /^sha256:[0-9a-f]{64}\n$/);
    await store.ok(['kill', 'source']);
    assert.equal((await running.ended).code, 137);
    await store.ok(['commit', 'source', 'committed:stopped']);
    assert.equal((await store.ok(['run', '--rm', 'committed:running'])).stdout, 'new\n');
    for (const tag of ['running', 'stopped']) {
      const check = 'cat /new; test -e /bin/wc || echo deleted';
      assert.equal((await store.ok(['run', '--rm', `committed:${tag}`, 'sh', '-c', check])).stdout, 'new\ndeleted\n');
      assert.match((await store.ok(['layers', '--tree', `committed:${tag}`])).stdout, /^D .*bin\/wc$/m);
      const layers = (name: string): Promise<string> => store.ok(['layers', '-q', name]).then((ended) => ended.stdout);
      assert.ok((await layers(`committed:${tag}`)).startsWith(await layers(image)));
    }
    const facts = '{{.Author}}|{{.Comment}}|{{json .Config.Env}}';
    const { stdout } = await store.ok(['inspect', '-f', facts, 'committed:running']);
    assert.match(stdout, /^An Author\|a message\|.*"ADDED=1"/);
    assert.match((await store.ok(['history', 'committed:running'])).stdout, /a message/);
    await store.ok(['rm', 'source']);
  });

  test('export is a tar that GNU tar reads; the tree is the container’s', async () => {
    const script =
      'mkdir /d; echo x > /d/f; ln -s f /d/link; ln /d/f /d/hard; rm /bin/wc; chown 5:6 /d/f; chmod 4711 /d/f';
    await store.ok(['run', '--name', 'exported', image, 'sh', '-c', script]);
    const path = join(store.folder, 'exported.tar');
    await store.ok(['export', '-o', path, 'exported']);
    const listed = await runProgram('tar', ['--numeric-owner', '-tvf', path]);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /-rws--x--x 5\/6 +2 .* d\/f\n/);
    assert.match(listed.stdout, /d\/link -> f\n/);
    assert.match(listed.stdout, /d\/hard link to d\/f\n/);
    assert.doesNotMatch(listed.stdout, / bin\/wc\n|\.wh\./);
    await store.ok(['rm', 'exported']);
    await store.ok(['import', path, 'imported']);
    assert.equal((await store.ok(['run', '--rm', 'imported', 'cat', '/d/hard'])).stdout, 'x\n');
  });

  test('a hundred runs that write and delete leave every layer byte for byte as it was', async () => {
    const before = layerHashes(store);
    const script =
      'echo changed >> /etc/passwd; rm -rf /bin/w* /root; chmod 0 /bin/busybox; ln /etc/group /etc/linked; touch /etc';
    for (let round = 0; round < 10; round++) {
      const runs = Array.from({ length: 10 }, () => shell(script));
      for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, stderr);
    }
    assert.deepEqual(layerHashes(store), before);
    assert.deepEqual(readdirSync(join(store.root, 'work')), []);
    assert.deepEqual(readdirSync(join(store.root, 'containers')), []);
  });
});

function peerDocker(...args: readonly string[]): Promise<Ended> {
  return runProgram(peerProgram, ['docker', ...args]);
}

function layerHashes(store: TestStore): Readonly<Record<string, string>> {
  const folder = join(store.root, 'layers/sha256');
  const names = readdirSync(folder).toSorted();
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

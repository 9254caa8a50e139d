import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { linuxMounts, processStartTime } from '../host/index.ts';
import { openBindSource } from './bind-source.ts';
import { ContainerBench, whyNoContainers } from './container.fixture.ts';
import type { ContainerSpecOptions } from './container-options.ts';
import type { ContainerOutcome } from './oci-runtime.ts';

/** What every implementation of `OciRuntime` does. Each is skipped, with the reason, where it is missing or does not work. */
export function ociRuntimeSuite(name: 'crun' | 'runc'): void {
  const never = new AbortController().signal;
  let bench: ContainerBench;
  let count = 0;

  describe(name, { skip: whyNoContainers(name) }, () => {
    before(() => {
      bench = new ContainerBench(name);
    });

    after(async () => {
      await bench[Symbol.asyncDispose]();
    });

    test('the command’s own exit code comes out, and its streams apart', async () => {
      const { outcome, stdout, stderr } = await shell('echo out; echo err >&2; exit 42');
      assert.deepEqual([outcome, stdout, stderr], [{ kind: 'exited', code: 42 }, 'out\n', 'err\n']);
    });

    test('exit codes of 0, 1 and 255 are told from failures of the runtime', async () => {
      for (const code of [0, 1, 126, 127, 255]) {
        assert.deepEqual((await shell(`exit ${code}`)).outcome, { kind: 'exited', code });
      }
    });

    test('a command that a signal killed has 128 and the signal’s number', async () => {
      const spec = { init: '/usr/bin/tini-static' };
      const skip = !existsSync(spec.init);
      if (!skip) assert.deepEqual((await shell('kill -9 $$', spec)).outcome, { kind: 'exited', code: 137 });
    });

    test('a missing command is 127, one that cannot be executed 126, each with its name', async () => {
      const missing = await container(['no-such-thing']);
      assert.deepEqual(missing.outcome, {
        kind: 'not-started',
        code: 127,
        message: '"no-such-thing": executable file not found in $PATH',
      });
      const absent = await container(['/no/such']);
      assert.deepEqual([absent.outcome.kind, absent.outcome.code], ['not-started', 127]);
      const directory = await container(['/bin']);
      assert.deepEqual([directory.outcome.kind, directory.outcome.code], ['not-started', 126]);
    });

    test('a failure of the runtime itself is a Fault in its words', async () => {
      const mounts = [{ kind: 'tmpfs', destination: '/bin/sh' }] as const;
      await assert.rejects(shell('true', { mounts }), {
        name: 'Fault',
        code: 'internal',
        message: /^run container c\d+: .*bin\/sh/,
      });
    });

    test('a container cannot outlive an abort, and nothing of it is left', async () => {
      const aborting = new AbortController();
      const running = shell(
        'echo up; exec sleep 60',
        {},
        { signal: aborting.signal, onOutput: () => aborting.abort() },
      );
      await assert.rejects(running, { name: 'Fault', code: 'cancelled' });
      assert.deepEqual(bench.runtime.list(), []);
    });

    test('an abort while the container is only coming up ends it too', async () => {
      for (const afterMs of [1, 8, 16, 24]) {
        const aborting = new AbortController();
        const running = shell('exec sleep 60', {}, { signal: aborting.signal });
        await Promise.all([
          assert.rejects(running, { code: 'cancelled' }),
          delay(afterMs).then(() => aborting.abort()),
        ]);
      }
      assert.deepEqual(bench.runtime.list(), []);
    });

    test('what an output callback throws ends the container and comes out', async () => {
      await assert.rejects(shell('echo x; exec sleep 60', {}, { onOutput: failing }), /the disk is full/);
      assert.deepEqual(bench.runtime.list(), []);
    });

    test('much output arrives whole and in order', async () => {
      const { stdout } = await shell('i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done');
      assert.equal(stdout, Array.from({ length: 30_000 }, (_, index) => `line ${index}\n`).join(''));
    });

    test('standard output can be opened by name, by another user too', async () => {
      const user = { uid: 1000, gid: 1000, additionalGids: [1000], home: '/' };
      const { stdout, stderr } = await shell('echo a > /dev/stdout; echo b > /dev/stderr; echo c > /proc/self/fd/1', {
        user,
      });
      assert.deepEqual([stdout, stderr], ['a\nc\n', 'b\n']);
    });

    test('no descriptor of the engine reaches the command (CVE-2024-21626)', async () => {
      const { stdout } = await shell('for f in /proc/self/fd/*; do echo ${f##*/}; done');
      const further = stdout
        .trim()
        .split('\n')
        .filter((each) => Number(each) > 2);
      assert.ok(further.length <= 1, `only the shell's own directory handle: ${further.join(' ')}`);
    });

    test('a default container has Docker’s isolation', async () => {
      const { stdout } = await shell('cat /proc/self/status; echo pid $$; cat /proc/sys/kernel/hostname');
      const fields = new Map(stdout.split('\n').map((line) => line.split(/:?\s+/, 2) as [string, string]));
      const wanted = { CapInh: '0', CapPrm: 'a80425fb', CapEff: 'a80425fb', CapBnd: 'a80425fb', CapAmb: '0' };
      for (const [name, mask] of Object.entries(wanted)) assert.equal(fields.get(name), mask.padStart(16, '0'), name);
      assert.deepEqual([fields.get('NoNewPrivs'), fields.get('Seccomp'), fields.get('pid')], ['0', '2', '1']);
      assert.match(stdout, /\nc\d+\n$/);
    });

    test('another user holds no capability, and no new privileges where asked', async () => {
      const user = { uid: 1000, gid: 1000, additionalGids: [1000, 29], home: '/' };
      const { stdout } = await shell('cat /proc/self/status', { user, noNewPrivileges: true });
      assert.match(stdout, /^CapEff:\s+0{16}$/m);
      assert.match(stdout, /^CapBnd:\s+00000000a80425fb$/m);
      assert.match(stdout, /^NoNewPrivs:\s+1$/m);
      assert.match(stdout, /^Groups:\s+29 1000\s*$/m);
    });

    test('calls outside the seccomp profile are refused', async () => {
      const { stdout } = await shell('mount -t tmpfs x /bin 2>&1; unshare -m true 2>&1; hostname other 2>&1; true');
      assert.equal(stdout.match(/not permitted|permission denied/gi)?.length, 3, stdout);
    });

    test('kernel paths are masked or read-only', async () => {
      const { stdout } = await shell(
        'cat /proc/keys /proc/timer_list | wc -c; (echo 1 > /proc/sys/vm/swappiness) 2>&1; (: > /sys/x) 2>&1; ls /sys/firmware | wc -l',
      );
      assert.match(stdout, /^0\n/);
      assert.equal(stdout.match(/Read-only/g)?.length, 2, stdout);
      assert.match(stdout, /\n0\n$/);
    });

    test('without a network there is a loopback that works, and nothing else', async () => {
      const { stdout } = await shell(
        'cat /proc/net/dev | tail -n +3; ping -c1 -w2 127.0.0.1 >/dev/null && echo alive',
        {
          network: 'none',
        },
      );
      assert.match(stdout, /^\s*lo:[^\n]*\n(?:\s*(?:tunl|sit|gre|erspan|ip6|ip_vti|gretap)[^\n]*\n)*alive\n$/);
    });

    test('a read-only root takes no file, a tmpfs on it does', async () => {
      const mounts = [{ kind: 'tmpfs', destination: '/scratch', sizeBytes: 65_536 }] as const;
      const { stdout } = await shell('(: > /x) 2>&1; echo y > /scratch/x && cat /scratch/x', {
        readonlyRootfs: true,
        mounts,
      });
      assert.match(stdout, /Read-only file system\ny\n$/);
    });

    test('a read-only bind is read-only, and so is what is mounted below its source', async () => {
      const source = join(bench.folder, 'shared');
      mkdirSync(join(source, 'below'), { recursive: true });
      writeFileSync(join(source, 'file'), 'content');
      const mounts = linuxMounts();
      const below = mounts.tmpfs({ sizeBytes: 65_536 });
      mounts.attach(below, join(source, 'below'));
      below.close();
      using opened = openBindSource(source, { mounts, place: join(bench.folder, 'place') });
      try {
        const script = 'cat /mnt/in/file; (: > /mnt/in/x) 2>&1; (: > /mnt/in/below/x) 2>&1';
        const bind = { kind: 'bind', source: opened.source, destination: '/mnt/in', readonly: true } as const;
        const { stdout } = await shell(script, { mounts: [bind] });
        assert.match(stdout, /^content.*Read-only file system.*Read-only file system/s);
        assert.deepEqual(readdirSync(source), ['below', 'file']);
      } finally {
        mounts.unmount(join(source, 'below'));
      }
    });

    test('what varve mounts into a RUN never shows up in its layer', async () => {
      const file = join(bench.folder, 'hosts');
      writeFileSync(file, '127.0.0.1 localhost\n');
      const mounts = [{ kind: 'bind', source: file, destination: '/etc/hosts' }] as const;
      const { stdout, rootfs } = await shell('cat /etc/hosts', { mounts, init: '/usr/bin/tini-static' });
      assert.equal(stdout, '127.0.0.1 localhost\n');
      const names = readdirSync(rootfs, { recursive: true, encoding: 'utf8' });
      assert.deepEqual(names.toSorted(), ['bin', 'bin/busybox', 'bin/sh']);
    });

    test('limits reach the control groups', async (t) => {
      const limits = { memoryBytes: 64 * 1024 * 1024, cpus: 0.5, pids: 50 };
      const { stdout } = await shell('cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max', {
        limits,
      });
      if (stdout === '') return t.skip('control groups are not laid out as v1 here');
      assert.equal(stdout, `${64 * 1024 * 1024}\n50\n`);
    });

    test('a runtime that was killed takes its container along', async () => {
      const running = shell('exec busybox sleep 60');
      const killed = assert.rejects(running, { code: 'internal', message: /the runtime was ended by SIGKILL/ });
      const id = `c${count}`;
      while ((await bench.runtime.state(id))?.status !== 'running') await delay(10);
      const { pid } = (await bench.runtime.state(id)) ?? { pid: 0 };
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
      process.kill(Number(parent), 'SIGKILL');
      await killed;
      assert.equal(processStartTime(pid), undefined);
      assert.deepEqual(bench.runtime.list(), []);
    });

    test('what a killed owner left running is found by prefix and ended', async () => {
      const bundle = bench.bundle('dead-1', ['/bin/sh', '-c', 'exec busybox sleep 60']);
      const owner = spawn(process.execPath, ['--input-type=module', '--eval', ownerScript(bundle)], {
        stdio: 'ignore',
      });
      while ((await bench.runtime.state('dead-1'))?.status !== 'running') await delay(10);
      owner.kill('SIGKILL');
      await once(owner, 'close');
      const left = await bench.runtime.state('dead-1');
      assert.equal(left?.status, 'running');
      assert.deepEqual(await bench.runtime.deleteAll('alive-'), []);
      assert.deepEqual(await bench.runtime.deleteAll('dead-'), ['dead-1']);
      assert.equal(processStartTime(left?.pid ?? 0), undefined);
      assert.deepEqual(bench.runtime.list(), []);
    });

    test('an id that could name a path is refused', async () => {
      for (const id of ['', '../x', 'a/b', '.hidden', 'x'.repeat(129)]) {
        await assert.rejects(bench.runtime.delete(id), { code: 'invalid' });
      }
    });

    test('without a reader of its own, what goes to standard error comes in the order of writing', async () => {
      const script = 'for i in 1 2 3; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done';
      const { stdout, stderr } = await shell(script, {}, { joined: true });
      const lines = [1, 2, 3].map((number) => `out ${number}\nerr ${number}\n`);
      assert.deepEqual([stdout, stderr], [lines.join(''), '']);
    });
  });

  function ownerScript(bundle: string): string {
    const module = JSON.stringify(join(import.meta.dirname, 'index.ts'));
    const options = `{ bundle: ${JSON.stringify(bundle)}, signal: AbortSignal.timeout(60000), onStdout() {}, onStderr() {} }`;
    const where = JSON.stringify({ runRoot: dirname(bench.runtime.stateDir), wanted: name });
    return `const { systemRuntimes } = await import(${module});
    await systemRuntimes(${where}).choose().run('dead-1', ${options});`;
  }

  function shell(
    script: string,
    changes: Partial<ContainerSpecOptions> = {},
    watching: Watching = {},
  ): Promise<Result> {
    const links = 'for a in cat sleep wc ls tail ping mount unshare hostname true; do alias $a="busybox $a"; done';
    return container(['/bin/sh', '-c', `${links}\neval "$0"`, script], changes, watching);
  }

  async function container(
    args: readonly string[],
    changes: Partial<ContainerSpecOptions> = {},
    { signal = never, onOutput, joined = false }: Watching = {},
  ): Promise<Result> {
    const id = `c${(count += 1)}`;
    const bundle = bench.bundle(id, args, changes);
    const [stdout, stderr]: [Uint8Array[], Uint8Array[]] = [[], []];
    const outcome = await bench.runtime.run(id, {
      bundle,
      signal,
      onStdout: (chunk) => {
        stdout.push(chunk);
        onOutput?.();
      },
      ...(joined ? {} : { onStderr: (chunk: Uint8Array) => void stderr.push(chunk) }),
    });
    const text = { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
    return { outcome, ...text, rootfs: bench.tidy(id) };
  }
}

function failing(): never {
  throw new Error('the disk is full');
}

interface Watching {
  readonly signal?: AbortSignal;
  readonly onOutput?: () => void;
  /** Both streams through one pipe. */
  readonly joined?: boolean;
}

interface Result {
  readonly outcome: ContainerOutcome;
  readonly stdout: string;
  readonly stderr: string;
  readonly rootfs: string;
}

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { findExecutable, privileges, processStartTime } from '../host/index.ts';
import type { IsolatedNetwork } from './isolated-network.ts';
import { PastaNetworks } from './pasta-networks.ts';
import type { Asked } from './small-machine.fixture.ts';

const missing = ['pasta', 'unshare', 'nsenter', 'ip', 'bash'].find((name) => findExecutable(name) === undefined);
const skip = privileges().euid !== 0 ? 'needs root' : missing !== undefined && `${missing} is not installed`;
const { signal } = new AbortController();

test('on a machine of our own', { skip }, async (t) => {
  await using machine = await SmallMachine.start('127.0.0.53');
  const [network] = machine.networks;

  await t.test('what listens on an address of the machine that is not its loopback is reached', async () => {
    assert.equal(
      await machine.run({ inside: undefined, script: connect('203.0.113.9', 8002) }),
      'greetings from 8002\n',
    );
    assert.equal(await machine.run({ inside: 0, script: connect('203.0.113.9', 8002) }), 'greetings from 8002\n');
  });

  await t.test('what listens on the loopback of the machine is not, whatever the address', async () => {
    assert.equal(await machine.run({ inside: undefined, script: connect('127.0.0.1', 8001) }), 'greetings from 8001\n');
    const gateway = '198.51.100.1';
    const own = '198.51.100.2';
    for (const address of ['127.0.0.1', '::1', '0.0.0.0', gateway, own, '203.0.113.9', '169.254.1.1'])
      assert.equal(await machine.run({ inside: 0, script: connect(address, 8001, 0.5) }), '', address);
  });

  await t.test('one address leads to the machine where that was asked for, and nowhere else', async () => {
    const [first, , third] = machine.networks;
    assert.deepEqual([first?.machineAddress, third?.machineAddress], [undefined, '198.51.100.1']);
    for (const port of [8001, 8002]) {
      assert.equal(await machine.run({ inside: 2, script: connect('198.51.100.1', port) }), `greetings from ${port}\n`);
      assert.equal(await machine.run({ inside: 0, script: connect('198.51.100.1', port, 0.5) }), '');
    }
  });

  await t.test('the address of the machine is that of the namespace itself', async () => {
    assert.match(await machine.run({ inside: 0, script: 'ip -4 -o addr' }), /198\.51\.100\.2\/24/);
    assert.equal(await machine.run({ inside: 0, script: connect('198.51.100.2', 8002) }), '');
  });

  await t.test('names are resolved by the name server that listens on the machine’s loopback', async () => {
    assert.deepEqual(network?.nameservers, ['169.254.1.1']);
    assert.match(await machine.run({ inside: 0, script: 'getent ahosts box.example' }), /^203\.0\.113\.9 /);
  });

  await t.test('a port that is opened inside is not opened on the machine, nor in another network', async () => {
    const listen = `${process.execPath} -e 'require("net").createServer((s) => s.on("error", () => s.destroy()).end("inside")).listen(8003)'`;
    const listening = `until (exec 3<>/dev/tcp/127.0.0.1/8003) 2>/dev/null; do sleep 0.05; done`;
    const listener = `(${listen} </dev/null >/dev/null 2>&1 & echo $!; ${listening})`;
    const pid = (await machine.run({ inside: 0, script: listener })).trim();
    try {
      assert.equal(await machine.run({ inside: 0, script: connect('127.0.0.1', 8003) }), 'inside');
      assert.equal(await machine.run({ inside: undefined, script: connect('127.0.0.1', 8003) }), '');
      assert.equal(await machine.run({ inside: undefined, script: connect('198.51.100.2', 8003) }), '');
      assert.equal(await machine.run({ inside: 1, script: connect('127.0.0.1', 8003) }), '');
    } finally {
      process.kill(Number(pid), 'SIGKILL');
    }
  });

  await t.test('two at once are apart and have the same addresses', async () => {
    const script = 'readlink /proc/self/ns/net';
    const own = await Promise.all([machine.run({ inside: 0, script }), machine.run({ inside: 1, script })]);
    assert.notEqual(own[0], own[1]);
    assert.equal(await machine.run({ inside: 0, script }), own[0]);
    assert.match(await machine.run({ inside: 1, script: 'ip -4 -o addr' }), /198\.51\.100\.2\/24/);
  });

  await t.test('the machine has no interface more than before', async () => {
    const script = 'ip -br link | cut -d" " -f1 | cut -d@ -f1 | sort';
    assert.equal(await machine.run({ inside: undefined, script }), 'far\nlo\nwan\n');
  });
});

test('a name server elsewhere is asked as it is, and its answers are taken', { skip }, async () => {
  await using machine = await SmallMachine.start('203.0.113.9');
  assert.deepEqual(machine.networks[0]?.nameservers, ['203.0.113.9']);
  assert.match(await machine.run({ inside: 0, script: 'getent ahosts box.example' }), /^203\.0\.113\.9 /);
});

test('a machine that is connected to nothing needs no network to be apart from', { skip }, async () => {
  await using machine = await SmallMachine.start();
  for (const network of machine.networks) assert.equal(network.namespacePath ?? 'none', 'none');
});

test('when it is disposed of, its processes and its path are gone, and no descriptor is left', { skip }, async () => {
  await (await new PastaNetworks().open({ signal }))[Symbol.asyncDispose]();
  const descriptors = readdirSync('/proc/self/fd').length;
  const network = await new PastaNetworks().open({ signal });
  assert.notEqual(statSync(network.namespacePath ?? '').ino, statSync('/proc/self/ns/net').ino);
  assert.equal(childrenOf(process.pid).length, 1);
  await network[Symbol.asyncDispose]();
  assert.deepEqual(childrenOf(process.pid), []);
  assert.equal(existsSync(network.namespacePath ?? ''), false);
  assert.equal(readdirSync('/proc/self/fd').length, descriptors);
});

test('when this program is killed, the network goes with it', { skip, timeout: 60_000 }, async () => {
  const program = `
    const { PastaNetworks } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
    await new PastaNetworks().open({ signal: new AbortController().signal });
    console.log('open');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const [pasta = 0] = childrenOf(child.pid ?? 0);
  const both = [pasta, ...childrenOf(pasta)];
  assert.equal(both.length, 2);
  child.kill('SIGKILL');
  await once(child, 'close');
  while (both.some((pid) => processStartTime(pid) !== undefined)) await setTimeout(10);
});

test('opening is given up at once when it is cancelled, and leaves nothing', { skip }, async () => {
  const abort = new AbortController();
  const opening = new PastaNetworks().open({ signal: abort.signal });
  abort.abort();
  await assert.rejects(opening, (error) => Fault.is(error, 'cancelled'));
  await assert.rejects(new PastaNetworks().open({ signal: abort.signal }), (error) => Fault.is(error, 'cancelled'));
  assert.deepEqual(childrenOf(process.pid), []);
});

test('a machine without pasta is told what to install, and the way out', async () => {
  const networks = new PastaNetworks({ executable: '/no/such/pasta' });
  await assert.rejects(networks.open({ signal }), (error) => {
    assert.ok(Fault.is(error, 'unavailable'));
    assert.equal(error.message, 'open an isolated network: /no/such/pasta is not installed');
    assert.equal(error.hint, 'apt-get install passt, or use --network host');
    return true;
  });
});

test('what pasta complains of is the reason, without what it says of the system log', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-pasta-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const executable = join(folder, 'pasta');
  const script = '#!/bin/sh\necho "no tap device" >&2; echo "Failed to send 9 bytes to syslog" >&2; exit 1\n';
  writeFileSync(executable, script);
  chmodSync(executable, 0o755);
  const opening = new PastaNetworks({ executable }).open({ signal });
  await assert.rejects(opening, {
    message: 'open an isolated network: pasta: no tap device',
    hint: 'use --network host',
  });
});

/** What the service at an address says; nothing where none is reached, or does not answer at all. */
function connect(address: string, port: number, waitSec = 5): string {
  return `timeout ${waitSec} bash -c 'exec 3<>/dev/tcp/${address}/${port} && cat <&3' 2>/dev/null`;
}

function childrenOf(pid: number): readonly number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.flatMap((task) => {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  });
}

type Open = Pick<IsolatedNetwork, 'namespacePath' | 'nameservers' | 'machineAddress'>;

class SmallMachine implements AsyncDisposable {
  readonly networks: readonly Open[];
  readonly #child: ReturnType<typeof spawn>;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ReturnType<typeof spawn>, answers: AsyncIterator<string>, networks: readonly Open[]) {
    this.#child = child;
    this.#answers = answers;
    this.networks = networks;
  }

  static async start(...nameserver: readonly string[]): Promise<SmallMachine> {
    const program = [process.execPath, join(import.meta.dirname, 'small-machine.fixture.ts'), ...nameserver];
    const child = spawn('unshare', ['--net', '--mount', ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { networks } = (await nextOf(answers)) as { readonly networks: readonly Open[] };
    return new SmallMachine(child, answers, networks);
  }

  async run(asked: Asked): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify({ ...asked })}\n`);
    return (await nextOf(this.#answers)) as string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    await once(this.#child, 'close');
  }
}

async function nextOf(answers: AsyncIterator<string>): Promise<unknown> {
  const { value, done } = await answers.next();
  assert.notEqual(done, true, 'the small machine has ended');
  return JSON.parse(value as string);
}

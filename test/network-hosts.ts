import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { program, TestStore, type Ended, type RunOptions, runProgram } from './test-store.ts';

/** Machines of their own, as far as the network goes, and one more with a registry: `await using`. */
export interface NetworkHosts extends AsyncDisposable {
  readonly hosts: readonly NetworkHost[];
  /** What every host calls the registry by. */
  readonly registry: string;
}

/** A host with a store of its own, connected to the registry's by a link of its own. */
export interface NetworkHost {
  readonly store: TestStore;
  /** Runs `varve ARGS…` there. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Takes the link down, or up again. What is on its way is lost; connections are not closed. */
  setLink(state: 'down' | 'up'): void;
  /** What is sent to this address of the network gets lost. */
  loseWhatGoesTo(address: string): void;
}

/** Why there can be none here, or false. */
export const networkHostsMissing: string | false = canMakeNamespaces()
  ? false
  : 'network namespaces with iproute2 cannot be made here';

const forwarder = `
  const net = require('node:net');
  net.createServer((near) => {
    const far = net.connect(5000, '10.99.0.1');
    for (const [from, to] of [[near, far], [far, near]]) from.on('error', () => to.destroy()).on('close', () => to.destroy());
    near.pipe(far).pipe(near);
  }).listen(5000, '127.0.0.1');
`;

/**
 * `rateMbit`: of each link, so that there is a middle to cut it in. The registry speaks plain HTTP, which only loopback
 * may: on each host a forwarder at loopback passes on to it.
 */
export async function networkHosts(count: number, { rateMbit }: { readonly rateMbit: number }): Promise<NetworkHosts> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-hosts-'));
  const prefix = `varve${process.pid}`;
  const children: ChildProcess[] = [];
  const namespaces: string[] = [];
  const stores = Array.from({ length: count }, () => new TestStore());
  const close = async (): Promise<void> => {
    await Promise.all(children.map(ended));
    for (const name of namespaces) ip(`netns del ${name}`);
    rmSync(folder, { recursive: true, force: true });
    await using stack = new AsyncDisposableStack();
    for (const store of stores) stack.use(store);
  };
  const add = (name: string): string => {
    ip(`netns add ${name}`);
    namespaces.push(name);
    ip(`-n ${name} link set lo up`);
    return name;
  };
  const start = (namespace: string, command: string, ...args: readonly string[]): void => {
    children.push(spawn('nsenter', [`--net=/run/netns/${namespace}`, command, ...args], { stdio: 'ignore' }));
  };
  try {
    const center = add(`${prefix}r`);
    ip(`-n ${center} link add switch type bridge`);
    ip(`-n ${center} addr add 10.99.0.1/24 dev switch`);
    ip(`-n ${center} link set switch up`);
    start(center, 'docker-registry', 'serve', registryConfig(folder));
    const hosts = stores.map((store, index): NetworkHost => {
      const name = add(`${prefix}h${index}`);
      connect(name, { center, index, rateMbit });
      start(name, process.execPath, '-e', forwarder);
      return {
        store,
        run: (args, options = {}) => {
          const env = { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot };
          return runProgram('nsenter', [`--net=/run/netns/${name}`, program, ...args], { ...options, env });
        },
        setLink: (state) => ip(`-n ${center} link set port${index} ${state}`),
        loseWhatGoesTo: (address) => ip(`-n ${name} neigh replace ${address} lladdr 02:00:00:00:00:01 dev eth0`),
      };
    });
    for (const index of hosts.keys()) await untilAnswering(`${prefix}h${index}`);
    return { hosts, registry: '127.0.0.1:5000', [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Connecting {
  readonly center: string;
  readonly index: number;
  readonly rateMbit: number;
}

function connect(name: string, { center, index, rateMbit }: Connecting): void {
  ip(`-n ${center} link add port${index} type veth peer name eth0 netns ${name}`);
  ip(`-n ${center} link set port${index} master switch`);
  ip(`-n ${center} link set port${index} up`);
  ip(`-n ${name} addr add 10.99.0.${index + 2}/24 dev eth0`);
  ip(`-n ${name} link set eth0 up`);
  const shaping = `-n ${center} qdisc add dev port${index} root tbf rate ${rateMbit}mbit burst 64kb latency 400ms`;
  execFileSync('tc', shaping.split(' '));
}

function registryConfig(folder: string): string {
  const path = join(folder, 'config.yml');
  const storage = `storage: { filesystem: { rootdirectory: ${folder}/storage } }`;
  writeFileSync(
    path,
    ['version: 0.1', 'log: { level: error }', storage, 'http: { addr: "10.99.0.1:5000" }', ''].join('\n'),
  );
  return path;
}

async function untilAnswering(namespace: string): Promise<void> {
  const asking = `fetch('http://127.0.0.1:5000/v2/').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
  for (let tries = 0; tries < 50; tries++) {
    const asked = await runProgram('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, '-e', asking]);
    if (asked.code === 0) return;
    await pause(100);
  }
  throw new Error(`the registry does not answer in ${namespace}`);
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
}

function canMakeNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false;
  const name = `varve${process.pid}probe`;
  try {
    ip(`netns add ${name}`);
    ip(`netns del ${name}`);
    execFileSync('tc', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

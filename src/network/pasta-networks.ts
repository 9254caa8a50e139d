import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Fault } from '../errors/index.ts';
import { defaultSearchPath, findExecutable, spawnProcess, type Process } from '../host/index.ts';
import { orAborted, throwIfAborted } from '../std/index.ts';
import { defaultGateway, hasDefaultRoute } from './default-route.ts';
import type { IsolatedNetwork, IsolatedNetworks, OpenNetworkOptions } from './isolated-network.ts';
import { nameserversWithin } from './nameservers.ts';

export interface PastaOptions {
  /** A name or an absolute path; `pasta` by default. */
  readonly executable?: string;
}

/**
 * Isolated networks by pasta(1), Debian's `passt`: a process in user space that is the other end of the namespace's only
 * interface and does on the machine, as sockets, what connections inside ask for.
 *
 * pasta makes the namespace and starts a shell in it, which says that all is set up and then reads from a pipe of ours.
 * When that pipe closes, because the network was disposed of or because this program is dead, the shell ends, then pasta.
 */
export class PastaNetworks implements IsolatedNetworks {
  readonly #executable: string;

  constructor(options: PastaOptions = {}) {
    this.#executable = options.executable ?? 'pasta';
  }

  async open({ signal, reachesMachine = false }: OpenNetworkOptions): Promise<IsolatedNetwork> {
    throwIfAborted(signal, doing);
    const nameservers = nameserversWithin(hostResolvConf(), forwardedNameserver);
    const machineAddress = reachesMachine ? defaultGateway() : undefined;
    const pasta = await startPasta(this.#executable, { nameservers, machineAddress });
    try {
      await orAborted(whenUp(pasta), signal, doing);
      return new PastaNetwork(pasta, { nameservers, machineAddress });
    } catch (error) {
      await end(pasta, 'SIGKILL');
      if (Fault.is(error, 'unavailable') && !hasDefaultRoute()) return unconnected;
      throw error;
    }
  }
}

type Addresses = Pick<IsolatedNetwork, 'nameservers' | 'machineAddress'>;

class PastaNetwork implements IsolatedNetwork {
  readonly namespacePath: string;
  readonly nameservers: readonly string[];
  readonly machineAddress: string | undefined;
  readonly #pasta: Process;
  readonly #namespace: number;

  constructor(pasta: Process, { nameservers, machineAddress }: Addresses) {
    this.nameservers = nameservers;
    this.machineAddress = machineAddress;
    this.#pasta = pasta;
    this.#namespace = openNamespace(pasta.pid);
    this.namespacePath = `/proc/${process.pid}/fd/${this.#namespace}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#namespace);
    await end(this.#pasta);
  }
}

/** On a machine that is connected to nothing. */
const unconnected: IsolatedNetwork = {
  namespacePath: undefined,
  nameservers: [],
  machineAddress: undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const doing = 'open an isolated network';
const wayOut = 'use --network host';
const upTimeoutMs = 10_000;
const endTimeoutMs = 2_000;

/** Link-local, so nobody's; what is sent to its port 53 goes to the machine's first name server. */
const forwardedNameserver = '169.254.1.1';

/** As root it would make a user namespace, which runc cannot join from outside; it keeps next to no capability either way. */
const plainNamespace = ['--foreground', '--quiet', '--config-net', '--netns-only', '--runas', '0'];

/**
 * Unless told otherwise pasta publishes every port that is opened inside, mirrors the machine's loopback ports inside, and
 * lets the gateway's address stand for the machine's loopback.
 */
const apart = ['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'];
const withoutMachine = ['--no-map-gw'];

/**
 * Asked for only where it is used: the pasta of Debian 12 then gives every answer of the machine's first name server this
 * address as its sender, and so to who asked that server directly too, who takes it for forged.
 */
const forwarding = ['--dns-forward', forwardedNameserver];

const waitingShell = ['--', '/bin/sh', '-c', 'echo up; read -r _'];

async function startPasta(executable: string, { nameservers, machineAddress }: Addresses): Promise<Process> {
  const path = findExecutable(executable);
  if (path === undefined) {
    throw new Fault('unavailable', `${doing}: ${executable} is not installed`, {
      hint: `apt-get install passt, or ${wayOut}`,
    });
  }
  const resolving = nameservers.includes(forwardedNameserver) ? forwarding : [];
  const reaching = machineAddress === undefined ? withoutMachine : [];
  const args = [...plainNamespace, ...apart, ...reaching, ...resolving, ...waitingShell];
  const env = { PATH: defaultSearchPath, LC_ALL: 'C' };
  return await spawnProcess(path, args, { env, stdio: ['pipe', 'pipe', 'pipe'], ownGroup: true });
}

/** Settles when the shell inside has spoken: pasta starts it when the interface is there and configured. */
async function whenUp(pasta: Process): Promise<void> {
  const complaints = collect(pasta.stderr);
  const timeout = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => timeout.resolve('late'), upTimeoutMs);
  const spoken = new Promise<'up'>((resolve) => pasta.stdout?.once('data', () => resolve('up')));
  const first = await Promise.race([spoken, pasta.ended, timeout.promise]).finally(() => clearTimeout(timer));
  if (first === 'up') return;
  const problem = first === 'late' ? `pasta was not ready after ${upTimeoutMs} ms` : `pasta: ${said(complaints)}`;
  throw new Fault('unavailable', `${doing}: ${problem}`, { hint: wayOut });
}

const maxComplaintsBytes = 64 * 1024;

function collect(stream: Readable | null): Buffer[] {
  const kept: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxComplaintsBytes) kept.push(chunk);
  });
  return kept;
}

/** Its last word, without what it says of a machine that has no system log, or of root who needs no user namespace. */
function said(complaints: readonly Buffer[]): string {
  const lines = Buffer.concat(complaints).toString().split('\n');
  const telling = lines.filter((line) => line.trim() !== '' && !/ to syslog$|uid_map|user mappings/.test(line));
  return telling.at(-1)?.trim() ?? 'it ended without a word';
}

/**
 * Held open, so that what joins it later joins this very namespace and not that of a process which was given the same
 * number meanwhile.
 */
function openNamespace(pasta: number): number {
  const [shell] = readFileSync(`/proc/${pasta}/task/${pasta}/children`, 'latin1').trim().split(' ');
  const namespace = openSync(`/proc/${shell}/ns/net`, 'r');
  if (fstatSync(namespace).ino !== statSync('/proc/self/ns/net').ino) return namespace;
  closeSync(namespace);
  throw new Fault('internal', `${doing}: it is the machine's own`);
}

async function end(pasta: Process, signal?: NodeJS.Signals): Promise<void> {
  pasta.stdin?.destroy();
  if (signal !== undefined) pasta.kill(signal);
  const timer = setTimeout(() => pasta.kill('SIGKILL'), endTimeoutMs);
  await pasta.ended.finally(() => clearTimeout(timer));
}

function hostResolvConf(): string {
  return existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'latin1') : '';
}

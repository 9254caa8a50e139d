/**
 * What a network is tested on: a machine of our own, started as `unshare --net --mount node small-machine.fixture.ts
 * [NAMESERVER]`. With a name server it has a wide area network that leads nowhere, and services that greet who connects.
 * Once all is up it opens isolated networks and runs the commands that come in, as lines of JSON, inside or outside.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PastaNetworks } from './index.ts';

/** Runs `script` in network number `inside`, or on the machine. */
export interface Asked {
  readonly inside: number | undefined;
  readonly script: string;
}

const folder = mkdtempSync(join(tmpdir(), 'varve-machine-'));
const resolvConf = join(folder, 'resolv.conf');
const nameserver = process.argv[2];
setUp();
await serve();
const networks = new PastaNetworks();
const { signal } = new AbortController();
const wanted = [{ signal }, { signal }, { signal, reachesMachine: true }];
const open = [];
for (const options of wanted) open.push(await networks.open(options));
writeFileSync(resolvConf, open[0]?.nameservers.map((each) => `nameserver ${each}\n`).join('') ?? '');
answer({
  networks: open.map(({ namespacePath, nameservers, machineAddress }) => ({
    namespacePath,
    nameservers,
    machineAddress,
  })),
});

for await (const line of createInterface({ input: process.stdin })) {
  const { inside, script } = JSON.parse(line) as Asked;
  const within = inside === undefined ? [] : ['nsenter', `--net=${open[inside]?.namespacePath}`];
  const [program = '', ...args] = [...within, 'bash', '-c', script];
  answer(await new Promise((resolve) => execFile(program, args, (_error, stdout) => resolve(stdout))));
}
for (const network of open) await network[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
process.exit();

function setUp(): void {
  execFileSync('mount', ['--make-rprivate', '/']);
  writeFileSync(resolvConf, `nameserver ${nameserver ?? '127.0.0.53'}\n`);
  execFileSync('mount', ['--bind', resolvConf, '/etc/resolv.conf']);
  ip('link set lo up');
  if (nameserver === undefined) return;
  ip('link add wan type veth peer name far');
  ip('link set far up');
  ip('link set wan up');
  ip('addr add 198.51.100.2/24 dev wan');
  ip('addr add 203.0.113.9/32 dev far');
  ip('route add default via 198.51.100.1');
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '));
}

async function serve(): Promise<void> {
  await greet(8001, '127.0.0.1');
  await greet(8002, '0.0.0.0');
  const names = createSocket('udp4');
  names.on('message', (query, from) => names.send(addressAnswer(query), from.port, from.address));
  names.bind(53, nameserver ?? '127.0.0.53');
  await once(names, 'listening');
}

async function greet(port: number, address: string): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end(`greetings from ${port}\n`));
  server.listen(port, address);
  await once(server, 'listening');
}

/** Every name is 203.0.113.9 and has no other record (RFC 1035, 4.1: the query, marked as an answer, then the record). */
function addressAnswer(query: Buffer): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, questionEnd));
  head.writeUInt16BE(0x8180, 2);
  const asksAddress = head.readUInt16BE(questionEnd - 4) === 1;
  head.writeUInt16BE(asksAddress ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  return asksAddress ? Buffer.concat([head, Buffer.from('c00c00010001000000050004cb007109', 'hex')]) : head;
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

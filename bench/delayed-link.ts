/**
 * A link of a certain delay and rate between this machine and a network namespace: two TUN devices, and this program, which
 * carries each packet from one to the other. It is what `tc netem delay` does, on kernels that are made without it.
 *
 *     node bench/delayed-link.ts NAMESPACE DELAY_MS RATE_MBIT LISTEN UP
 *
 * DELAY_MS is the delay in each direction. Who connects to LISTEN, an address and a port of this machine, gets to port 5000 of the
 * namespace. The file UP is made when that works. The link is gone when the program ends.
 */
import { execFileSync } from 'node:child_process';
import { constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import koffi from 'koffi';

const [namespace = '', delay, rate, listen = '', up = ''] = process.argv.slice(2);
const delayMs = Number(delay);
const bytesPerMs = Number(rate) * 125;

/** A packet that would have to wait for longer than this before it is sent is dropped. */
const maxQueueMs = 200;
const maxPacketBytes = 1500;

interface Packet {
  readonly dueMs: number;
  readonly bytes: Buffer;
}

/** One direction of the link. */
class Lane {
  readonly #from: number;
  readonly #to: number;
  readonly #space = Buffer.allocUnsafe(65536);
  #onTheWay: Packet[] = [];
  #freeAtMs = 0;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  step(nowMs: number): void {
    for (let length = this.#read(); length > 0; length = this.#read()) {
      const startsMs = Math.max(nowMs, this.#freeAtMs);
      if (startsMs - nowMs > maxQueueMs) continue;
      this.#freeAtMs = startsMs + length / bytesPerMs;
      const bytes = Buffer.from(this.#space.subarray(0, length));
      this.#onTheWay.push({ dueMs: this.#freeAtMs + delayMs, bytes });
    }
    const arrived = this.#onTheWay.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#onTheWay.splice(0, arrived === -1 ? this.#onTheWay.length : arrived);
    for (const { bytes } of due) writeSync(this.#to, bytes);
  }

  #read(): number {
    try {
      return readSync(this.#from, this.#space);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}

function openTun(name: string): number {
  const [attach, isTunWithoutHead] = [0x400454ca, 0x1001];
  const ioctl = koffi.load('libc.so.6').func('int ioctl(int, unsigned long, void *)');
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  const request = Buffer.alloc(40);
  request.write(name, 'latin1');
  request.writeUInt16LE(isTunWithoutHead, 16);
  if (ioctl(fd, attach, request) !== 0) throw new Error(`no TUN device ${name} can be made`);
  return fd;
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '));
}

const [near, far] = [`link${process.pid}`, `far${process.pid}`];
const [nearEnd, farEnd] = [openTun(near), openTun(far)];
ip(`link set ${far} netns ${namespace}`);
const [nearAddress, farAddress] = ['10.98.77.2', '10.98.77.1'];
for (const [at, device, address] of [
  ['', near, nearAddress],
  [`-n ${namespace} `, far, farAddress],
]) {
  ip(`${at}addr add ${address}/30 dev ${device}`);
  ip(`${at}link set ${device} mtu ${maxPacketBytes} txqueuelen 5000 up`);
}
const lanes = [new Lane(nearEnd, farEnd), new Lane(farEnd, nearEnd)];
setInterval(() => {
  for (const lane of lanes) lane.step(performance.now());
}, 1);

const [host, port] = listen.split(':');
const passOn = createServer((client) => {
  const registry = connect(5000, farAddress);
  for (const [from, to] of [
    [client, registry],
    [registry, client],
  ] as const) {
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    from.pipe(to);
  }
});
passOn.listen(Number(port), host, () => writeFileSync(up, ''));

import { constants } from 'node:os';
import { Fault } from '../errors/index.ts';

/**
 * The number of a signal: `KILL`, `SIGKILL`, `9`, `SIGRTMIN+3`. Fault `invalid` for what is none. Real-time signals have
 * the numbers that programs of glibc and musl take them for.
 */
export function signalNumber(given: string): number {
  const name = given.toUpperCase().replace(/^SIG/, '');
  const known: Readonly<Record<string, number>> = constants.signals;
  const number = /^\d+$/.test(name) ? Number(name) : (known[`SIG${name}`] ?? realTimeNumber(name));
  if (number !== undefined && number >= 1 && number <= lastRealTime) return number;
  throw new Fault('invalid', `invalid signal: ${given}`);
}

const firstRealTime = 34;
const lastRealTime = 64;

function realTimeNumber(name: string): number | undefined {
  const [, end, sign, distance = '0'] = /^RTM(IN|AX)(?:([+-])(\d+))?$/.exec(name) ?? [];
  if (end === 'IN' && sign !== '-') return firstRealTime + Number(distance);
  if (end === 'AX' && sign !== '+') return lastRealTime - Number(distance);
  return undefined;
}

import { constants } from 'node:os';
import { Fault } from '../errors/index.ts';

/** `KILL`, `SIGKILL`, `kill` or `9` as `SIGKILL`. Fault `invalid` for what is no signal. */
export function parseSignalName(given: string): string {
  const names = Object.entries(constants.signals);
  const upper = given.toUpperCase();
  const found = names.find(([name, number]) => name === upper || name === `SIG${upper}` || String(number) === given);
  if (found !== undefined) return found[0];
  if (/^(SIG)?RTM(IN|AX)([+-]\d+)?$/.test(upper)) return upper.startsWith('SIG') ? upper : `SIG${upper}`;
  throw new Fault('invalid', `invalid signal: ${given}`);
}

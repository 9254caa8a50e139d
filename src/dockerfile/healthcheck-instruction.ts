import { parseDuration } from './duration.ts';
import { type Flags, type Refuse, parseFlags } from './flags.ts';
import type { Healthcheck, Instruction } from './instruction.ts';
import type { RawNode } from './parse-tree.ts';
import { baseOf, commandLine } from './instruction-base.ts';

const minimumNs = 1e6;

export function parseHealthcheck(node: RawNode, refuse: Refuse): Instruction | undefined {
  const [type, ...args] = node.args;
  if (type === undefined) return refuse('HEALTHCHECK requires at least one argument');
  const typeName = type.text.toUpperCase();
  if (typeName === 'NONE') {
    if (args.length > 0) return refuse('HEALTHCHECK NONE takes no arguments', { word: args[0] });
    return { kind: 'healthcheck', ...baseOf(node), check: 'none' };
  }
  const flags = parseFlags(node, { ...durations, retries: 'text' }, refuse);
  if (flags === undefined) return undefined;
  if (typeName !== 'CMD')
    return refuse(`Unknown type ${JSON.stringify(typeName)} in HEALTHCHECK (try CMD)`, { word: type });
  if (args.length === 0) return refuse('Missing command after HEALTHCHECK CMD', { word: type });
  const times = timesFrom(flags, refuse);
  if (times === undefined) return undefined;
  const retries = retriesFrom(flags, refuse);
  if (retries === undefined) return undefined;
  const check: Healthcheck = { command: commandLine(node, args), ...times, retries };
  return { kind: 'healthcheck', ...baseOf(node), check };
}

const durations = { interval: 'text', timeout: 'text', 'start-period': 'text', 'start-interval': 'text' } as const;

type Times = Pick<Healthcheck, 'intervalNs' | 'timeoutNs' | 'startPeriodNs' | 'startIntervalNs'>;

function timesFrom(flags: Flags, refuse: Refuse): Times | undefined {
  const intervalNs = timeFrom('interval', flags, refuse);
  const timeoutNs = intervalNs === undefined ? undefined : timeFrom('timeout', flags, refuse);
  const startPeriodNs = timeoutNs === undefined ? undefined : timeFrom('start-period', flags, refuse);
  const startIntervalNs = startPeriodNs === undefined ? undefined : timeFrom('start-interval', flags, refuse);
  if (intervalNs === undefined || timeoutNs === undefined || startPeriodNs === undefined) return undefined;
  return startIntervalNs === undefined ? undefined : { intervalNs, timeoutNs, startPeriodNs, startIntervalNs };
}

function timeFrom(name: keyof typeof durations, flags: Flags, refuse: Refuse): number | undefined {
  const word = flags.filled(name);
  if (word === undefined) return 0;
  const duration = parseDuration(word.text);
  if (duration.kind === 'invalid') return refuse(duration.message, { word, hint: 'write 30s, 1m30s or 500ms' });
  if (duration.ns === 0 || duration.ns >= minimumNs) return duration.ns;
  return refuse(`Interval ${JSON.stringify(name)} cannot be less than 1ms`, { word });
}

function retriesFrom(flags: Flags, refuse: Refuse): number | undefined {
  const word = flags.filled('retries');
  if (word === undefined) return 0;
  const shown = JSON.stringify(word.text);
  if (!/^[+-]?\d+$/.test(word.text)) return refuse(`strconv.ParseInt: parsing ${shown}: invalid syntax`, { word });
  const retries = Number(word.text);
  if (Math.abs(retries) >= 2 ** 31) return refuse(`strconv.ParseInt: parsing ${shown}: value out of range`, { word });
  return retries < 0 ? refuse(`--retries cannot be negative (${retries})`, { word }) : retries;
}

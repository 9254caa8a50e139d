import { Fault } from '../errors/index.ts';
import type { RunSettings } from '../engine/index.ts';

type Rlimit = NonNullable<RunSettings['rlimits']>[number];

/** `name=soft[:hard]`; the soft limit alone stands for both, -1 is none. Fault `invalid`. */
export function parseUlimit(given: string): Rlimit {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(given) ?? [];
  if (name === '')
    throw new Fault('invalid', `invalid ulimit argument: ${given}`, { hint: 'write it as nofile=1024:2048' });
  if (!names.has(name)) throw new Fault('invalid', `invalid ulimit type: ${name}`, { hint: [...names].join(', ') });
  if (limitOf(soft) > limitOf(hard)) {
    throw new Fault('invalid', `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: limitOf(soft), hard: limitOf(hard) };
}

function limitOf(text: string): number {
  return text === '-1' ? Infinity : Number(text);
}

const names: ReadonlySet<string> = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

import { Fault } from '../errors/index.ts';
import type { RunSettings } from '../engine/index.ts';

type Rlimit = NonNullable<RunSettings['rlimits']>[number];

/** `name=soft[:hard]`; the soft limit alone stands for both. Fault `invalid`. */
export function parseUlimit(given: string): Rlimit {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(\d+)(?::(\d+))?$/.exec(given) ?? [];
  if (name === '')
    throw new Fault('invalid', `invalid ulimit argument: ${given}`, { hint: 'write it as nofile=1024:2048' });
  if (!names.has(name)) throw new Fault('invalid', `invalid ulimit type: ${name}`, { hint: [...names].join(', ') });
  if (Number(soft) > Number(hard)) {
    throw new Fault('invalid', `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: Number(soft), hard: Number(hard) };
}

const names: ReadonlySet<string> = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

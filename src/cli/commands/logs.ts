import type { Containers, LogLine } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { parseNumber, parseTimeMs } from '../parse-values.ts';

interface Needs {
  readonly containers: Pick<Containers, 'logs'>;
}

export const logs = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  operands: { min: 1, max: 1 },
  flags: {
    follow: toggle('Follow log output', { short: 'f' }),
    since: text('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'),
    tail: text('Number of lines to show from the end of the logs (default "all")', { short: 'n' }),
    timestamps: toggle('Show timestamps', { short: 't' }),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const tail =
      flags.tail === undefined || flags.tail === 'all' ? undefined : parseNumber(flags.tail, 'tail', { whole: true });
    const sinceMs = flags.since === undefined ? undefined : parseTimeMs(flags.since, context.now());
    const { containers } = await context.openEngine();
    const lines = containers.logs(name, {
      follow: flags.follow,
      signal: context.signal,
      ...(tail === undefined ? {} : { tail }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    });
    for await (const line of lines) {
      const output = line.stream === 'stdout' ? context.stdout : context.stderr;
      await output.write(flags.timestamps ? withTime(line) : line.bytes);
    }
    return 0;
  },
});

function withTime({ time, bytes }: LogLine): Uint8Array {
  return Buffer.concat([Buffer.from(`${time} `), bytes]);
}

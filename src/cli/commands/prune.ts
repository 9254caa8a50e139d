import type { PruneReport, System } from '../../engine/index.ts';
import { bytesOf, showBytes } from '../../std/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { formatSize } from '../human.ts';
import type { InputStream } from '../output.ts';
import { usageWords } from '../usage-kinds.ts';

interface Needs {
  readonly system: Pick<System, 'prune'>;
}

export const prune = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: {
    all: toggle('Remove all unused images not just dangling ones', { short: 'a' }),
    compressed: toggle('Also remove what layers were compressed to for pushing them'),
    'dry-run': toggle('Only show what would be removed'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  run: async ({ flags }, context: Context<Needs>) => {
    const dryRun = flags['dry-run'];
    if (!dryRun && !flags.force && !(await confirm(flags.all, context))) return 0;
    const { system } = await context.openEngine();
    const report = await system.prune({
      all: flags.all,
      dryRun,
      signal: context.signal,
      ...(flags.compressed ? { compressed: true } : {}),
    });
    await context.stdout.write(formatReport(report, dryRun));
    return 0;
  },
});

function formatReport({ deleted, reclaimedBytes }: PruneReport, dryRun: boolean): string {
  const verb = dryRun ? 'Would delete' : 'Deleted';
  const lines = deleted.map(
    ({ kind, name, sizeBytes }) =>
      `${verb} ${usageWords[kind].one}: ${showBytes(bytesOf(name))} (${formatSize(sizeBytes)})\n`,
  );
  return `${lines.join('')}${lines.length > 0 ? '\n' : ''}Total ${dryRun ? 'reclaimable' : 'reclaimed'} space: ${formatSize(reclaimedBytes)}\n`;
}

async function confirm(all: boolean, context: Context<Needs>): Promise<boolean> {
  const images = all ? 'all images without at least one container associated to them' : 'all dangling images';
  const mounts = all ? '\n  - all cache mounts that no build uses' : '';
  context.stderr.print(
    `WARNING! This will remove:\n  - all stopped containers\n  - ${images}\n  - unused layers and build cache${mounts}\n  - left-over work\n\nAre you sure you want to continue? [y/N] `,
  );
  return /^y(es)?$/i.test((await firstLine(context.stdin)).trim());
}

/** Ends at the first newline, or where the input ends. */
async function firstLine(stdin: InputStream): Promise<string> {
  let line = '';
  for await (const chunk of stdin) {
    line += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    if (line.includes('\n')) break;
  }
  return line.split('\n')[0] ?? '';
}

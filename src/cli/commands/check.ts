import type { CheckFinding, System } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { LiveArea } from '../progress/live-area.ts';

interface Needs {
  readonly system: Pick<System, 'check'>;
}

const pauseMs = 100;

export const check = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: { repair: toggle('Repair what can be repaired, and clear what was left behind') },
  run: async ({ flags: { repair } }, context: Context<Needs>) => {
    const { system } = await context.openEngine();
    const onProgress = progressLine(context);
    const { findings, checked } = await system.check({ repair, signal: context.signal, onProgress });
    await context.stdout.write(findings.map(formatFinding).join(''));
    const { images, layers, blobs } = checked;
    context.stdout.print(`checked images: ${images}, layers: ${layers}, blobs: ${blobs}; ${formatVerdict(findings)}\n`);
    return findings.some((finding) => finding.severity === 'error' && !finding.repaired) ? 1 : 0;
  },
});

function formatFinding({ severity, message, repaired }: CheckFinding): string {
  return `${severity === 'error' ? 'error' : 'left over'}: ${message}${repaired ? ' (repaired)' : ''}\n`;
}

function formatVerdict(findings: readonly CheckFinding[]): string {
  if (findings.length === 0) return 'everything is whole';
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const repaired = findings.filter((finding) => finding.repaired).length;
  return `errors: ${errors}, left over: ${findings.length - errors}, repaired: ${repaired}`;
}

/** On a terminal how far it has come; nothing elsewhere. */
function progressLine({ stderr, now }: Context<Needs>): (done: number, total: number) => void {
  if (!stderr.isTerminal) return () => {};
  const area = new LiveArea(stderr);
  let shownMs = 0;
  return (done, total) => {
    if (done < total && now() - shownMs < pauseMs) return;
    shownMs = now();
    area.paint(done < total ? [`checking ${done}/${total}`] : []);
  };
}

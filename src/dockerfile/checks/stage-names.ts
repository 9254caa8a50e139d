import type { Dockerfile } from '../dockerfile.ts';
import type { CheckLog } from './check-report.ts';

const reserved: ReadonlySet<string> = new Set(['context', 'scratch']);

/** DuplicateStageName and ReservedStageName. */
export function checkStageNames({ stages }: Dockerfile, log: CheckLog): void {
  const known = new Set<string>();
  for (const { name, from } of stages) {
    if (name === undefined) continue;
    const place = { instruction: from, word: from.stageName };
    const shown = JSON.stringify(name);
    if (reserved.has(name)) {
      log.find('ReservedStageName', `Stage name should not use the same name as reserved stage ${shown}`, place);
    }
    if (known.has(name)) {
      log.find('DuplicateStageName', `Duplicate stage name ${shown}, stage names should be unique`, place);
    }
    known.add(name);
  }
}

import { expandWord } from '../expand.ts';
import type { StageInstruction } from '../instruction.ts';
import type { CheckLog } from './check-report.ts';
import type { FromLine } from './from-lines.ts';
import { sourceNames, stageNamed } from './reachable-stages.ts';

interface SourceContext {
  readonly line: FromLine;
  readonly lines: readonly FromLine[];
  readonly log: CheckLog;
}

const nothingSet = { env: () => undefined, escape: '\\' } as const;

/** Refuses sources that no stage above can be: a number out of range, this stage itself or a later one, a variable. */
export function checkSources(instruction: StageInstruction, { line, lines, log }: SourceContext): void {
  for (const word of sourceNames(instruction)) {
    const place = { instruction, word };
    const { stage } = line;
    const expanded = expandWord(word.text, nothingSet);
    if (expanded.kind === 'failed' || expanded.value !== word.text) {
      const advice = 'define a new stage with FROM using ARG from global scope as a workaround';
      log.refuse(`variable expansion is not supported for --from, ${advice}`, place);
      continue;
    }
    const above = stageNamed(lines.slice(0, stage.index), word.text);
    if (above !== undefined) continue;
    const shown = JSON.stringify(word.text);
    const own = JSON.stringify(stage.name ?? `stage-${stage.index}`);
    if (stageNamed(lines, word.text) !== undefined) {
      log.refuse(`cannot copy from stage ${shown}, it needs to be defined before current stage ${own}`, place);
    } else if (/^\d+$/.test(word.text)) log.refuse(`invalid stage index ${word.text}`, place);
  }
}

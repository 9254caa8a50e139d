import type { Dockerfile } from '../dockerfile.ts';
import type { FromInstruction, InstructionBase } from '../instruction.ts';
import type { CheckLog } from './check-report.ts';

/** StageNameCasing and FromAsCasing: a stage's name, and `as` beside `from`. */
export function checkFromCasing(from: FromInstruction, log: CheckLog): void {
  const { stageName, as, keyword } = from;
  if (stageName !== undefined && !isLower(stageName.text)) {
    const message = `Stage name '${stageName.text}' should be lowercase`;
    log.find('StageNameCasing', message, { instruction: from, word: stageName });
  }
  // A FROM in mixed case is for ConsistentInstructionCasing.
  const hasCase = isLower(keyword.text) ? isLower : isUpper;
  if (as === undefined || !hasCase(keyword.text) || hasCase(as.text)) return;
  const message = `'${as.text}' and '${keyword.text}' keywords' casing do not match`;
  log.find('FromAsCasing', message, { instruction: from, word: as });
}

/** ConsistentInstructionCasing: all instructions of the stages in upper case, or all in lower case. */
export function checkInstructionCasing({ stages }: Dockerfile, log: CheckLog): void {
  const all: readonly InstructionBase[] = stages.flatMap(({ from, instructions }) => [from, ...instructions]);
  const lower = all.filter(({ keyword }) => isLower(keyword.text)).length;
  const upper = all.filter(({ keyword }) => isUpper(keyword.text)).length;
  const [hasCase, name] = lower > upper ? [isLower, 'lowercase'] : [isUpper, 'uppercase'];
  for (const instruction of all) {
    const { keyword } = instruction;
    if (hasCase(keyword.text)) continue;
    const message = `Command '${keyword.text}' should match the case of the command majority (${name})`;
    log.find('ConsistentInstructionCasing', message, { instruction, word: keyword });
  }
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}

function isUpper(text: string): boolean {
  return text === text.toUpperCase();
}

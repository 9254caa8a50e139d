import type { StageInstruction } from '../instruction.ts';
import type { Word } from '../position.ts';
import type { FromLine } from './from-lines.ts';

/** The stages that `target` (a name or a number) needs, itself included; undefined where there is no such stage. */
export function reachableStages(lines: readonly FromLine[], target: string): ReadonlySet<FromLine> | undefined {
  const start = stageNamed(lines, target);
  if (start === undefined) return undefined;
  const reached = new Set<FromLine>();
  const waiting = [start];
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    if (reached.has(line)) continue;
    reached.add(line);
    if (line.baseStage !== undefined) waiting.push(line.baseStage);
    const sources = line.stage.instructions.flatMap(sourceNames);
    waiting.push(...sources.flatMap((word) => stageNamed(lines, word.text) ?? []));
  }
  return reached;
}

/** The last stage of that name, else the stage of that number. */
export function stageNamed(lines: readonly FromLine[], name: string): FromLine | undefined {
  const named = lines.findLast(({ stage }) => stage.name === name.toLowerCase());
  return named ?? (/^\d+$/.test(name) ? lines[Number(name)] : undefined);
}

/** The stages or images that an instruction takes files from. */
export function sourceNames(instruction: StageInstruction): readonly Word[] {
  if (instruction.kind === 'copy') return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap(({ word, fields }) =>
    fields.flatMap(({ key, value }) =>
      key === 'from' && value !== undefined ? [{ text: value, span: word.span }] : [],
    ),
  );
}

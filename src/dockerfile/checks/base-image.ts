import { parseTrigger } from '../dockerfile.ts';
import type { StageInstruction } from '../instruction.ts';
import type { BaseFacts, CheckFacts } from './check-facts.ts';
import type { CheckLog } from './check-report.ts';
import type { FromLine } from './from-lines.ts';

/** What is known of the image that a stage begins on. InvalidBaseImagePlatform: it is for another platform. */
export function baseImage(
  { base, platform, stage }: FromLine,
  facts: CheckFacts,
  log: CheckLog,
): BaseFacts | undefined {
  if (base === undefined) return undefined;
  if (base === 'scratch') return { env: new Map(), hasShell: false, triggers: [], platform };
  const image = facts.base(base, platform);
  if (image === undefined) return undefined;
  if (image.platform.os !== platform.os || image.platform.architecture !== platform.architecture) {
    const [found, expected] = [JSON.stringify(image.platform.text), JSON.stringify(platform.text)];
    const message = `Base image ${base} was pulled with platform ${found}, expected ${expected} for current build`;
    log.find('InvalidBaseImagePlatform', message, { instruction: stage.from, word: stage.base });
  }
  return image;
}

/** The ONBUILD instructions of a base, to be checked where they are carried out. */
export function readTriggers(
  texts: readonly string[],
  { stage }: FromLine,
  log: CheckLog,
): readonly StageInstruction[] {
  const { from } = stage;
  return texts.flatMap((text) => {
    const trigger = parseTrigger(text);
    if (trigger.kind === 'instruction') return [{ ...trigger.instruction, span: from.span, comments: from.comments }];
    for (const { message } of trigger.diagnostics) log.refuse(message, { instruction: from });
    return [];
  });
}

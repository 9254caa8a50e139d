import type { Dockerfile } from '../dockerfile.ts';
import type { InstructionBase, NameValue, MaintainerInstruction } from '../instruction.ts';
import { spanOf } from '../position.ts';
import type { CheckLog } from './check-report.ts';

/** NoEmptyContinuation: an instruction that goes on behind a blank line. It is shown where it ends. */
export function checkContinuations({ diagnostics }: Dockerfile, log: CheckLog): void {
  for (const { rule, span } of diagnostics) {
    if (rule !== 'NoEmptyContinuation') continue;
    const { line, column } = span.end;
    log.find(rule, 'Empty continuation line', { instruction: { span: spanOf(line, 1, line, column), comments: [] } });
  }
}

/** MaintainerDeprecated */
export function checkMaintainer(instruction: MaintainerInstruction, log: CheckLog): void {
  log.find('MaintainerDeprecated', 'Maintainer instruction is deprecated in favor of using label', { instruction });
}

/** LegacyKeyValueFormat: `ENV name value` for `ENV name=value`. */
export function checkNameValues(instruction: InstructionBase, pairs: readonly NameValue[], log: CheckLog): void {
  const name = instruction.keyword.text;
  for (const { legacy, name: word } of pairs) {
    if (!legacy) continue;
    const message = `"${name} key=value" should be used instead of legacy "${name} key value" format`;
    log.find('LegacyKeyValueFormat', message, { instruction, word });
  }
}

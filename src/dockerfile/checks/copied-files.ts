import { bytesOf } from '../../std/index.ts';
import { createIgnoreMatcher } from '../ignore-matcher.ts';
import { cleanPath, type IgnoreRules } from '../ignore-rules.ts';
import type { CheckLog, CheckPlace } from './check-report.ts';

/** CopyIgnoredFile: looks at one expanded source of a COPY or ADD from the context. */
export type CopiedFileCheck = (instruction: 'Copy' | 'Add', source: string, place: CheckPlace) => void;

const everything: ReadonlySet<string> = new Set(['*', '**', '**/*']);
const remote = /^(?:https?|git|ssh):\/\/|^git@/;

/** With `!` rules below an ignored folder there may be files to copy after all, and nothing is said. */
export function createCopiedFileCheck(
  rules: Pick<IgnoreRules, 'patterns'> | undefined,
  log: CheckLog,
): CopiedFileCheck {
  if (rules === undefined || rules.patterns.some(({ negated }) => negated)) return () => {};
  const matcher = createIgnoreMatcher(rules);
  const ignoresAll = rules.patterns.some(({ pattern }) => everything.has(pattern));
  return (instruction, source, place) => {
    if (instruction === 'Add' && remote.test(source)) return;
    const path = cleanPath(source);
    const isRoot = path === '.' || path === '/';
    if (isRoot ? !ignoresAll : !matcher.match(bytesOf(path)).ignored) return;
    const shown = JSON.stringify(path);
    log.find('CopyIgnoredFile', `Attempting to ${instruction} file ${shown} that is excluded by .dockerignore`, place);
  };
}

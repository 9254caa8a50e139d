import { type Expansion, expandHeredoc, expandWord, expandWords } from '../expand.ts';
import type { InlineFile, InstructionBase } from '../instruction.ts';
import type { Escape, LexResult } from '../lexer-state.ts';
import type { Word } from '../position.ts';
import type { CheckLog } from './check-report.ts';
import type { NearestName } from './nearest-name.ts';
import type { StageState } from './stage-state.ts';

/** The expansion of one instruction's words, with what is to be said of their variables. */
export interface CheckedWords {
  /** Undefined where the word cannot be expanded, or holds what only the base could know. */
  word(word: Word): string | undefined;
  inlineFile(file: InlineFile): void;
  /** As `word`, split at blanks; nothing is said of variables that are not set. */
  words(word: Word): readonly string[];
}

interface WordsContext {
  readonly state: StageState;
  readonly escape: Escape;
  readonly log: CheckLog;
  readonly nearest: NearestName;
}

/** BuildKit's own, which are never in the environment. */
const silent: ReadonlySet<string> = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

/** UndefinedVar, for each word that is expanded. */
export function checkedWords(instruction: InstructionBase, context: WordsContext): CheckedWords {
  const { state, escape, log } = context;
  const options = { env: (name: string) => state.env.get(name), escape };
  const isWhole = (unset: ReadonlySet<string>): boolean =>
    state.isEnvKnown || [...unset].every((name) => state.args.has(name));
  const check = (result: Expansion | LexResult, word: Word): boolean => {
    for (const name of result.unset) reportUnset(name, { instruction, word, context });
    if (result.kind === 'failed') log.refuse(result.message, { instruction, word });
    return isWhole(result.unset);
  };
  return {
    word: (word) => {
      const result = expandWord(word.text, options);
      return check(result, word) && result.kind === 'expanded' ? result.value : undefined;
    },
    inlineFile: ({ content, expand, word }) => {
      if (expand) check(expandHeredoc(content, options), word);
    },
    words: (word) => {
      const result = expandWords(word.text, options);
      if (result.kind === 'failed') log.refuse(result.message, { instruction, word });
      return result.kind === 'expanded' && isWhole(result.unset) ? result.words : [];
    },
  };
}

interface UnsetVariable {
  readonly instruction: InstructionBase;
  readonly word: Word;
  readonly context: WordsContext;
}

function reportUnset(name: string, { instruction, word, context }: UnsetVariable): void {
  const { state, log } = context;
  if (state.args.has(name) || silent.has(name)) return;
  const match = state.isEnvKnown ? context.nearest(name, state.env.keys()) : likelyMisspelt(name, context);
  if (match === undefined && !state.isEnvKnown) return;
  const meant = match === undefined ? '' : ` (did you mean $${match}?)`;
  log.find('UndefinedVar', `Usage of undefined variable '$${name}'${meant}`, { instruction, word });
}

const shortestSure = 5;

/** A base that is not known may set any name; but a long one that is nearly one of the file's own is a mistake. */
function likelyMisspelt(name: string, { state, nearest }: WordsContext): string | undefined {
  return name.length < shortestSure ? undefined : nearest(name, state.own);
}

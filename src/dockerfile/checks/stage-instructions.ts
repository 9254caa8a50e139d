import type {
  AddInstruction,
  ArgInstruction,
  CopyInstruction,
  EnvInstruction,
  RunInstruction,
  StageInstruction,
  WorkdirInstruction,
} from '../instruction.ts';
import type { Escape } from '../lexer-state.ts';
import type { CheckFacts, PlatformFacts } from './check-facts.ts';
import type { CheckLog } from './check-report.ts';
import { checkForm, checkUsedOnce } from './commands.ts';
import type { CopiedFileCheck } from './copied-files.ts';
import type { GlobalArgs } from './global-args.ts';
import type { NearestName } from './nearest-name.ts';
import { checkNameValues } from './old-forms.ts';
import { checkPort } from './ports.ts';
import { checkSecret } from './secrets.ts';
import type { StageState } from './stage-state.ts';
import { type CheckedWords, checkedWords } from './variables.ts';

/** A stage that is walked through, and what its instructions are checked with. */
export interface StageWalk {
  readonly state: StageState;
  readonly platform: PlatformFacts;
  readonly args: GlobalArgs;
  readonly facts: CheckFacts;
  readonly escape: Escape;
  readonly log: CheckLog;
  readonly nearest: NearestName;
  readonly checkCopied: CopiedFileCheck;
}

/** Checks one instruction, and takes its effect on those behind it into account. */
export function checkStageInstruction(instruction: StageInstruction, walk: StageWalk): void {
  const { state, log } = walk;
  const words = checkedWords(instruction, walk);
  switch (instruction.kind) {
    case 'arg':
      return checkArg(instruction, words, walk);
    case 'env':
      return checkEnv(instruction, words, walk);
    case 'label':
      for (const { name, value } of instruction.labels) [name, value].forEach(words.word);
      return checkNameValues(instruction, instruction.labels, log);
    case 'copy':
    case 'add':
      return checkCopy(instruction, words, walk);
    case 'run':
      return checkMounts(instruction, words);
    case 'workdir':
      return checkWorkdir(instruction, words, walk);
    case 'user':
      return void words.word(instruction.user);
    case 'stopsignal':
      return void words.word(instruction.signal);
    case 'volume':
      return instruction.paths.forEach(words.word);
    case 'expose':
      for (const word of instruction.ports) {
        for (const port of words.words(word)) checkPort(port, { instruction, word }, log);
      }
      return;
    case 'cmd':
    case 'entrypoint':
      checkUsedOnce(instruction, state.commands, log);
      return checkForm(instruction, state, log);
    case 'healthcheck':
      return checkUsedOnce(instruction, state.commands, log);
    case 'shell':
      state.hasShell = true;
      return;
    case 'onbuild':
      state.triggers.push(instruction.trigger);
      return;
    case 'maintainer':
      return;
  }
}

/** Unlike those of ENV, the ARGs of one line see each other. */
function checkArg(instruction: ArgInstruction, words: CheckedWords, { state, args, facts, log }: StageWalk): void {
  for (const { name: word, defaultValue } of instruction.args) {
    const name = word.text;
    checkSecret('ARG', name, { log, place: { instruction, word } });
    const given = facts.buildArgs.get(name);
    const own = given === undefined && defaultValue !== undefined ? words.word(defaultValue) : undefined;
    const value = given ?? own ?? (defaultValue === undefined ? args.values.get(name) : '');
    if (value !== undefined) state.env.set(name, value);
    state.args.add(name);
    state.own.add(name);
  }
}

function checkEnv(instruction: EnvInstruction, words: CheckedWords, { state, log }: StageWalk): void {
  const { variables } = instruction;
  const expanded = variables.map(
    ({ name, value }) => [words.word(name) ?? name.text, words.word(value) ?? ''] as const,
  );
  checkNameValues(instruction, variables, log);
  for (const [index, [name, value]] of expanded.entries()) {
    checkSecret('ENV', name, { log, place: { instruction, word: variables[index]?.name } });
    state.env.set(name, value);
    state.own.add(name);
  }
}

function checkCopy(instruction: CopyInstruction | AddInstruction, words: CheckedWords, walk: StageWalk): void {
  const { chown, chmod, sources, destination, inlineFiles } = instruction;
  const checksum = instruction.kind === 'add' ? instruction.checksum : undefined;
  for (const word of [chown, checksum, chmod]) if (word !== undefined) words.word(word);
  const paths = sources.map((word) => ({ word, path: words.word(word) }));
  words.word(destination);
  inlineFiles.forEach(words.inlineFile);
  if (instruction.kind === 'copy' && instruction.from !== undefined) return;
  const name = instruction.kind === 'copy' ? 'Copy' : 'Add';
  for (const { word, path } of paths) if (path !== undefined) walk.checkCopied(name, path, { instruction, word });
}

function checkMounts({ mounts }: RunInstruction, words: CheckedWords): void {
  for (const { word, fields } of mounts) {
    for (const { value } of fields) if (value !== undefined) words.word({ text: value, span: word.span });
  }
}

const windowsRoot = /^(?:[a-z]:)?[\\/]/i;

/** WorkdirRelativePath: only the first WORKDIR counts, as putting it right puts all right. */
function checkWorkdir(instruction: WorkdirInstruction, words: CheckedWords, { state, platform, log }: StageWalk): void {
  const { path: word } = instruction;
  const path = words.word(word);
  const isFirst = !state.hasWorkdir;
  state.hasWorkdir = true;
  if (path === undefined || !isFirst) return;
  if (path.startsWith('/') || (platform.os === 'windows' && windowsRoot.test(path))) return;
  const message = `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`;
  log.find('WorkdirRelativePath', message, { instruction, word });
}

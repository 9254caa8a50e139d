import type { BaseFacts, PlatformFacts } from './check-facts.ts';
import type { StageCommands } from './commands.ts';

/** What a stage has come to, instruction by instruction. */
export interface StageState {
  readonly env: Map<string, string>;
  /** False if the base, of which nothing is known, may have set more. */
  readonly isEnvKnown: boolean;
  /** What this file has set itself, the stages below included. */
  readonly own: Set<string>;
  /** Names of ARGs, those without a value too. */
  readonly args: Set<string>;
  readonly commands: StageCommands;
  /** Texts of ONBUILD. */
  readonly triggers: string[];
  hasShell: boolean;
  hasWorkdir: boolean;
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A stage that begins where the one below it has ended. */
export function stateOnStage(base: StageState): StageState {
  return {
    ...base,
    env: new Map(base.env),
    own: new Set(base.own),
    args: new Set(base.args),
    commands: new Map(),
    triggers: [],
  };
}

/** A stage that begins on an image or, where `image` is undefined, on one of which nothing is known. */
export function stateOnImage(image: BaseFacts | undefined, platform: PlatformFacts): StageState {
  const path = platform.os === 'windows' ? [] : [['PATH', defaultPath] as const];
  return {
    env: new Map([...path, ...(image?.env ?? [])]),
    isEnvKnown: image !== undefined,
    own: new Set(),
    args: new Set(),
    commands: new Map(),
    triggers: [],
    hasShell: image?.hasShell ?? false,
    hasWorkdir: false,
  };
}

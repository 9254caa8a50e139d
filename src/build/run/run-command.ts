import { posix } from 'node:path';
import { runScript, type RunInstruction } from '../../dockerfile/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import { defaultShell } from '../lowering/config-instructions.ts';
import type { StageState } from '../lowering/step.ts';
import type { StepCommand } from './step-runner.ts';

/** What a RUN executes. */
export interface RunCommand extends Pick<StepCommand, 'args' | 'files'> {
  /** What tells it from other commands. */
  readonly recordFields: Readonly<Record<string, ByteString>>;
}

export function runCommand(instruction: RunInstruction, state: StageState): RunCommand {
  const shell = state.config.Shell ?? defaultShell;
  const script = runScript(instruction);
  if (script.kind === 'exec') {
    const recordFields = { exec: bytesOf(JSON.stringify(script.args)) };
    return { args: script.args, files: [], recordFields };
  }
  const recordFields = {
    command: bytesOf(script.kind === 'file' ? script.content : script.script),
    form: bytesOf(script.kind),
    shell: bytesOf(JSON.stringify(shell)),
  };
  if (script.kind === 'shell') return { args: [...shell, script.script], files: [], recordFields };
  const path = posix.join('/dev/pipes', script.name);
  return { args: [...shell, path], files: [{ path, content: script.content }], recordFields };
}

/** The command as the history shows it: the ARGs that it sees, then its words. */
export function runCreatedBy(instruction: RunInstruction, state: StageState): string {
  const args = [...new Set(state.args)];
  const shown = args.map((name) => `${name}=${state.env.get(name) ?? ''}`);
  const words = [...(shown.length === 0 ? [] : [`|${shown.length}`, ...shown]), ...runCommand(instruction, state).args];
  return `RUN ${words.join(' ')}`;
}

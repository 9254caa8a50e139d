import { posix } from 'node:path';
import { runScript, type RunInstruction } from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import { recordOf, type Vertex } from '../solver/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import { defaultShell } from './config-instructions.ts';
import { faultAt, instructionFault } from './instruction-fault.ts';
import { OutputTail } from './output-tail.ts';
import type { StepBasics } from './step-basics.ts';
import { StepLog } from './step-log.ts';
import type { StepResult } from './step-result.ts';
import type { StageState } from './step.ts';
import type { StepCommand, StepOutcome } from './step-runner.ts';

export interface RunStepOptions extends StepBasics {
  readonly instruction: RunInstruction;
  /** As it was before the instruction. */
  readonly state: StageState;
  readonly network: 'default' | 'host' | 'none';
  /** Proxy variables: given to the command, in no key and no history. */
  readonly hiddenEnv: ReadonlyMap<string, string>;
  readonly onOutput: (vertex: Vertex<StepResult>, stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
  readonly onWarning: (vertex: Vertex<StepResult>, message: string) => void;
}

/** A RUN: a temporary container on what is below, and its changes as one layer. */
export function runStep(options: RunStepOptions): Vertex<StepResult> {
  const { instruction, state, base, slot, cache, network } = options;
  const command = commandOf(instruction, state);
  const vertex: Vertex<StepResult> = {
    label: instruction.original,
    slot,
    inputs: [base],
    record: recordOf({
      op: bytesOf('run'),
      ...command.recordFields,
      env: fieldsOf(state.env),
      user: bytesOf(state.config.User ?? ''),
      workdir: bytesOf(state.config.WorkingDir || '/'),
      network: bytesOf(network),
    }),
    cache,
    run: async ({ inputs, signal }) => {
      const below = inputs[0]?.chain ?? [];
      const step: StepCommand = {
        chain: below,
        args: command.args,
        env: [...options.hiddenEnv, ...state.env].map(([name, value]) => `${name}=${value}`),
        workdir: state.config.WorkingDir || '/',
        user: state.config.User ?? '',
        network: network === 'default' ? 'isolated' : network,
        files: command.files,
      };
      const tail = new OutputTail();
      const outcome = await located(options, async () => {
        using log = StepLog.open(options.ports.logFolder, { slot, label: instruction.original });
        const onOutput = (stream: 'stdout' | 'stderr', bytes: Uint8Array): void => {
          log.write(bytes);
          tail.add(bytes);
          options.onOutput(vertex, stream, bytes);
        };
        return await options.ports.runner.run(step, { signal, onOutput });
      });
      if (outcome.kind === 'failed') throw commandFailed(options, command.args, outcome, tail);
      for (const warning of warningsOf(outcome.report)) options.onWarning(vertex, warning);
      const { diffId, contentId } = outcome.layer;
      return { result: { chain: [...below, diffId], createdMs: options.ports.clock.now() }, contentId };
    },
  };
  return vertex;
}

/** The command as the history shows it: the ARGs that it sees, then its words. */
export function runCreatedBy(instruction: RunInstruction, state: StageState): string {
  const args = [...new Set(state.args)];
  const shown = args.map((name) => `${name}=${state.env.get(name) ?? ''}`);
  const words = [...(shown.length === 0 ? [] : [`|${shown.length}`, ...shown]), ...commandOf(instruction, state).args];
  return `RUN ${words.join(' ')}`;
}

interface Command {
  readonly args: readonly string[];
  readonly files: StepCommand['files'];
  readonly recordFields: Readonly<Record<string, ByteString>>;
}

function commandOf(instruction: RunInstruction, state: StageState): Command {
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

function fieldsOf(map: ReadonlyMap<string, string>): Readonly<Record<string, ByteString>> {
  return Object.fromEntries([...map].map(([name, value]) => [bytesOf(name), bytesOf(value)]));
}

async function located(
  { source, instruction }: RunStepOptions,
  body: () => Promise<StepOutcome>,
): Promise<StepOutcome> {
  try {
    return await body();
  } catch (error) {
    throw faultAt(source, instruction, error);
  }
}

function commandFailed(
  { source, instruction, slot, ports }: RunStepOptions,
  args: readonly string[],
  outcome: { readonly exitCode: number; readonly message: string | undefined },
  tail: OutputTail,
): Fault {
  const detail = outcome.message === undefined ? '' : `: ${outcome.message}`;
  const shown = args.join(' ');
  const output = tail.lines().map((line) => `  ${line}\n`);
  const heading = output.length === 0 ? '' : `\nlast lines of its output:\n${output.join('')}`.trimEnd();
  return instructionFault(source, instruction, {
    code: 'invalid',
    message: `process ${JSON.stringify(shown)} did not complete successfully: exit code: ${outcome.exitCode}${detail}${heading}`,
    ...(tail.isCut ? { hint: `the whole output is in ${StepLog.pathOf(ports.logFolder, slot)}` } : {}),
  });
}

function warningsOf(report: {
  readonly skippedSockets: number;
  readonly inflated: readonly { readonly path: string; readonly storedBytes: number; readonly sizeBytes: number }[];
}): readonly string[] {
  const sockets = report.skippedSockets === 0 ? [] : [`${report.skippedSockets} sockets were left out of the layer`];
  const sparse = report.inflated.map(
    ({ path, storedBytes, sizeBytes }) =>
      `${path} takes ${storedBytes} bytes on the disk and ${sizeBytes} bytes in the layer: it is sparse`,
  );
  return [...sockets, ...sparse];
}

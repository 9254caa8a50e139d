import type { RunInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import type { Platform } from '../../oci/index.ts';
import type { CdiDevice } from '../../runtime/index.ts';
import {
  recordOf,
  type Outcome,
  type RecordFields,
  type StepContext,
  type StepRecord,
  type Vertex,
} from '../../solver/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import type { BuildOptions } from '../build-options.ts';
import { requireRunnable } from './emulation.ts';
import { faultAt } from '../lowering/instruction-fault.ts';
import { contentName } from './mount-content.ts';
import { contentsOf, mountFields } from './mount-record.ts';
import { OutputTail } from './output-tail.ts';
import { Pace } from '../pace.ts';
import { provideMounts, type ProvidedMounts } from './provide-mounts.ts';
import { runCommand, type RunCommand } from './run-command.ts';
import type { MountedContent, RunMount } from './run-mount.ts';
import { SecretMask } from './secret-mask.ts';
import type { StepBasics } from '../lowering/step-basics.ts';
import { StepLog } from './step-log.ts';
import type { StepContent } from './step-mount.ts';
import type { StepResult } from '../step-result.ts';
import type { StageState } from '../lowering/step.ts';
import type { StepCommand, StepOutcome } from './step-runner.ts';

export interface RunStepOptions extends StepBasics {
  readonly instruction: RunInstruction;
  /** As it was before the instruction. */
  readonly state: StageState;
  /** What the stage is built for. */
  readonly platform: Platform;
  readonly network: 'default' | 'host' | 'none';
  readonly mounts: readonly RunMount[];
  readonly devices: readonly CdiDevice[];
  readonly build: Pick<BuildOptions, 'secrets' | 'ssh' | 'run'>;
  /** Proxy variables: given to the command, in no key and no history. */
  readonly hiddenEnv: ReadonlyMap<string, string>;
  readonly onOutput: (vertex: Vertex<StepResult>, bytes: Uint8Array) => void;
  readonly onPacking?: ((vertex: Vertex<StepResult>, doneBytes: number) => void) | undefined;
  readonly onWarning: (vertex: Vertex<StepResult>, message: string) => void;
}

type Output = (bytes: Uint8Array) => void;

/** A RUN: a temporary container on what is below, and its changes as one layer. */
export function runStep(options: RunStepOptions): Vertex<StepResult> {
  const { instruction, base, slot, cache } = options;
  const running = new Running(options);
  const vertex: Vertex<StepResult> = {
    label: instruction.original,
    slot,
    inputs: [base],
    ...(running.origins.length === 0 ? {} : { sources: running.origins, reading: running.reading() }),
    record: running.origins.length === 0 ? running.record() : (context) => running.describe(context),
    cache,
    run: async (context) => {
      const { outcome, warnings } = await running.run(context, {
        onOutput: (bytes) => options.onOutput(vertex, bytes),
        onPacking: (doneBytes) => options.onPacking?.(vertex, doneBytes),
      });
      for (const warning of warnings) options.onWarning(vertex, warning);
      return outcome;
    },
  };
  return vertex;
}

class Running {
  readonly #options: RunStepOptions;
  readonly #command: RunCommand;
  /** Found out when the record is. */
  readonly #names = new Map<MountedContent, ByteString>();
  /** Where mounts take from, each once. */
  readonly origins: readonly Vertex<StepResult>[];

  constructor(options: RunStepOptions) {
    this.#options = options;
    this.#command = runCommand(options.instruction, options.state);
    this.origins = [...new Set(contentsOf(options.mounts).map(({ origin }) => origin))];
  }

  async describe(context: StepContext<StepResult>): Promise<StepRecord> {
    const { ports, instruction } = this.#options;
    const pace = new Pace(context.signal, instruction.original);
    return await this.#located(async () => {
      for (const content of contentsOf(this.#options.mounts)) {
        if (!content.isAll) await ports.fetcher?.bring(this.#resultOf(content, context).chain, context.signal);
        this.#names.set(content, await contentName(content, this.#resultOf(content, context), { ports, pace }));
      }
      return this.record();
    });
  }

  record(): StepRecord {
    return this.#record((content) => this.#nameOf(content));
  }

  /** The record before anybody looked into what is mounted: that is named by where it is from. */
  reading(): StepRecord {
    return this.#record(({ origin, path }) => bytesOf(`${this.origins.indexOf(origin)} ${path}`));
  }

  #record(nameOf: (content: MountedContent) => ByteString): StepRecord {
    const { state, network, mounts, instruction } = this.#options;
    const { devices, security } = instruction;
    return recordOf({
      op: bytesOf('run'),
      ...this.#command.recordFields,
      env: fieldsOf(state.env),
      user: bytesOf(state.config.User ?? ''),
      workdir: bytesOf(state.config.WorkingDir || '/'),
      network: bytesOf(network),
      ...(security === 'sandbox' ? {} : { security: bytesOf(security) }),
      ...(devices.length === 0 ? {} : { devices: deviceFields(instruction) }),
      ...(mounts.length === 0 ? {} : { mounts: mountFields(mounts, nameOf) }),
      ...settingsFields(this.#options.build.run ?? {}),
    });
  }

  run(
    context: StepContext<StepResult>,
    told: Told,
  ): Promise<{ readonly outcome: Outcome<StepResult>; readonly warnings: readonly string[] }> {
    const { platform, ports, mounts, build } = this.#options;
    return this.#located(async () => {
      requireRunnable(platform, ports.platform);
      for (const { chain } of [...context.inputs, ...context.sources])
        await ports.fetcher?.bring(chain, context.signal);
      const provided = provideMounts(mounts, {
        contentOf: (content) => this.#contentOf(content, context),
        secrets: build.secrets ?? new Map(),
        ssh: build.ssh ?? new Map(),
      });
      const tail = new OutputTail();
      const outcome = await this.#execute(context, { provided, tail, told });
      if (outcome.kind === 'failed') throw commandFailed(this.#options, this.#command.args, outcome, tail);
      const { diffId, contentId } = outcome.layer;
      const result = { chain: [...chainBelow(context), diffId], createdMs: ports.clock.now() };
      return { outcome: { result, contentId }, warnings: warningsOf(outcome.report) };
    });
  }

  async #execute(context: StepContext<StepResult>, { provided, tail, told }: Execution): Promise<StepOutcome> {
    const { ports, slot, instruction } = this.#options;
    using log = StepLog.open(ports.logFolder, { slot, label: instruction.original });
    const show: Output = (bytes) => {
      if (bytes.length === 0) return;
      log.write(bytes);
      tail.add(bytes);
      told.onOutput(bytes);
    };
    const mask = new SecretMask(provided.secrets);
    const outcome = await ports.runner.run(this.#stepCommand(context, provided), {
      signal: context.signal,
      onOutput: (bytes) => show(mask.add(bytes)),
      onPacking: told.onPacking,
    });
    show(mask.end());
    return outcome;
  }

  #stepCommand(context: StepContext<StepResult>, { mounts, env }: ProvidedMounts): StepCommand {
    const { state, hiddenEnv, network, build, instruction } = this.#options;
    return {
      chain: chainBelow(context),
      args: this.#command.args,
      env: [...hiddenEnv, ...state.env].map(([name, value]) => `${name}=${value}`),
      secretEnv: env,
      workdir: state.config.WorkingDir || '/',
      user: state.config.User ?? '',
      network: network === 'default' ? 'isolated' : network,
      files: this.#command.files,
      mounts,
      devices: this.#options.devices,
      security: instruction.security,
      settings: build.run ?? {},
    };
  }

  #contentOf(content: MountedContent, context: StepContext<StepResult>): StepContent {
    return { chain: this.#resultOf(content, context).chain, path: content.path, name: this.#nameOf(content) };
  }

  #resultOf({ origin }: MountedContent, { sources }: StepContext<StepResult>): StepResult {
    return sources[this.origins.indexOf(origin)] as StepResult;
  }

  #nameOf(content: MountedContent): ByteString {
    return this.#names.get(content) as ByteString;
  }

  /** Shows the instruction that failed. */
  async #located<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw faultAt(this.#options.source, this.#options.instruction, error);
    }
  }
}

interface Execution {
  readonly provided: ProvidedMounts;
  readonly tail: OutputTail;
  readonly told: Told;
}

/** Who is told what while a command runs and its layer is written. */
interface Told {
  readonly onOutput: Output;
  readonly onPacking: (doneBytes: number) => void;
}

function chainBelow({ inputs }: StepContext<StepResult>): StepResult['chain'] {
  return inputs[0]?.chain ?? [];
}

/** What a command can ask for. */
function settingsFields({
  extraHosts = [],
  rlimits = [],
  shmSizeBytes,
  hostname,
}: NonNullable<BuildOptions['run']>): RecordFields {
  const hosts = Object.fromEntries(extraHosts.map(({ name }) => [bytesOf(name), bytesOf('')]));
  const limits = Object.fromEntries(
    rlimits.map(({ type, soft, hard }) => [type, bytesOf(`${limitText(soft)}:${limitText(hard)}`)]),
  );
  return {
    ...(extraHosts.length === 0 ? {} : { hosts }),
    ...(rlimits.length === 0 ? {} : { ulimit: limits }),
    ...(hostname === undefined ? {} : { hostname: bytesOf(hostname) }),
    ...(shmSizeBytes === undefined ? {} : { shm: bytesOf(String(shmSizeBytes)) }),
  };
}

function limitText(limit: number): string {
  return limit === Infinity ? 'unlimited' : String(limit);
}

/** By the names that were asked for: what a device is on this machine gets into no key. */
function deviceFields({ devices }: RunInstruction): RecordFields {
  return Object.fromEntries(devices.map(({ name }) => [bytesOf(name), bytesOf('')]));
}

function fieldsOf(map: ReadonlyMap<string, string>): Readonly<Record<string, ByteString>> {
  return Object.fromEntries([...map].map(([name, value]) => [bytesOf(name), bytesOf(value)]));
}

function commandFailed(
  { slot, ports }: RunStepOptions,
  args: readonly string[],
  outcome: { readonly exitCode: number; readonly message: string | undefined },
  tail: OutputTail,
): Fault {
  const detail = outcome.message === undefined ? '' : `: ${outcome.message}`;
  const shown = args.join(' ');
  const output = tail.lines().map((line) => `  ${line}\n`);
  const heading = output.length === 0 ? '' : `\nlast lines of its output:\n${output.join('')}`.trimEnd();
  return new Fault(
    'invalid',
    `process ${JSON.stringify(shown)} did not complete successfully: exit code: ${outcome.exitCode}${detail}${heading}`,
    tail.isCut ? { hint: `the whole output is in ${StepLog.pathOf(ports.logFolder, slot)}` } : {},
  );
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

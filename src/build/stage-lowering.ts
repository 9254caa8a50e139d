import {
  parseTrigger,
  type AddInstruction,
  type ArgInstruction,
  type CopyInstruction,
  type Dockerfile,
  type InstructionBase,
  type RunInstruction,
  type Stage,
  type StageInstruction,
} from '../dockerfile/index.ts';
import { Fault } from '../errors/index.ts';
import type { StoredImage } from '../image/index.ts';
import { formatPlatform, parsePlatform, samePlatform, type ContainerConfig } from '../oci/index.ts';
import type { Vertex } from '../solver/index.ts';
import type { BaseImages } from './base-images.ts';
import { baseOnImage, baseOnNothing, baseOnStage, emptyBase, imageBase } from './base-step.ts';
import { BuildArgs } from './build-args.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildPorts } from './build-ports.ts';
import { applyConfigInstruction, isConfigInstruction } from './config-instructions.ts';
import type { ContextTree } from './context-tree.ts';
import { copyPlan } from './copy-plan.ts';
import { copyStep } from './copy-step.ts';
import { expanderFor, type Expander } from './expander.ts';
import { instructionFault, notThereYet, type DockerfileSource } from './instruction-fault.ts';
import { refusedFlag } from './refused-flags.ts';
import { runCreatedBy, runStep } from './run-step.ts';
import { StageDraft, variablesOf, type StageBase } from './stage-draft.ts';
import type { LoweredStage } from './step.ts';
import type { StepBasics } from './step-basics.ts';
import type { StepResult } from './step-result.ts';
import { workdirStep } from './workdir-step.ts';

export interface LoweringOptions {
  readonly dockerfile: Dockerfile;
  readonly source: DockerfileSource;
  readonly build: BuildOptions;
  readonly ports: BuildPorts;
  readonly bases: BaseImages;
  readonly context: () => ContextTree;
  /** What slots of steps begin with: the same for builds of the same file. */
  readonly scope: string;
  readonly onOutput: (vertex: Vertex<StepResult>, stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
  readonly onWarning: (vertex: Vertex<StepResult> | undefined, message: string) => void;
}

/**
 * From instructions to a graph: the stages that a target needs, each once. Bases are looked up (and fetched) here, since
 * what an instruction means depends on the base's config; nothing else is done yet.
 */
export class StageLowering implements Disposable {
  readonly #options: LoweringOptions;
  readonly #lowered = new Map<number, LoweredStage>();
  readonly #args: BuildArgs;
  /** What steps keep until the build is over. */
  readonly #stack = new DisposableStack();

  constructor(options: LoweringOptions) {
    this.#options = options;
    const { dockerfile, source, build, ports } = options;
    const { buildArgs: given, target } = build;
    this.#args = new BuildArgs({ dockerfile, source, given, target, platform: ports.platform });
  }

  /** The stage that `target` names (by name or number), the last one by default, and all that it needs. */
  async target(target: string | undefined): Promise<LoweredStage> {
    const { stages } = this.#options.dockerfile;
    const stage = target === undefined ? stages.at(-1) : this.#stageNamed(target, stages.length);
    if (stage !== undefined) return this.#lower(stage);
    throw new Fault('invalid', `target stage ${JSON.stringify(target)} could not be found`, {
      hint: `the stages are ${stages.map((each) => each.name ?? String(each.index)).join(', ')}`,
    });
  }

  /** Every stage that was lowered, in the order of the file. */
  get stages(): readonly LoweredStage[] {
    return [...this.#lowered.values()].toSorted((a, b) => a.index - b.index);
  }

  /** Build arguments that no ARG asked for. */
  get unusedArgs(): readonly string[] {
    return this.#args.unused;
  }

  /** Lets go of what steps have kept. The graph is of no use afterwards. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  async #lower(stage: Stage): Promise<LoweredStage> {
    const known = this.#lowered.get(stage.index);
    if (known !== undefined) return known;
    const { base, triggers } = await this.#base(stage);
    const draft = new StageDraft(base);
    for (const instruction of triggers) await this.#instruction(draft, stage, instruction);
    for (const instruction of stage.instructions) await this.#instruction(draft, stage, instruction);
    const lowered = { index: stage.index, label: this.#labelOf(stage), ...draft.finish() };
    this.#lowered.set(stage.index, lowered);
    return lowered;
  }

  async #base(stage: Stage): Promise<{ readonly base: StageBase; readonly triggers: readonly StageInstruction[] }> {
    const expand = this.#expander(stage.from, this.#args.global);
    this.#checkPlatform(stage, expand);
    const name = expand.word(stage.base);
    if (name === '') throw this.#fault(stage.from, 'base name (%s) should not be blank'.replace('%s', stage.base.text));
    const earlier = this.#stageNamed(name, stage.index, { byNumber: false });
    if (earlier !== undefined) return { base: baseOnStage(await this.#lower(earlier)), triggers: [] };
    if (name === 'scratch') return { base: baseOnNothing(), triggers: [] };
    const image = await this.#image(stage.from, name);
    return { base: baseOnImage(image, name), triggers: this.#triggersOf(stage, image) };
  }

  /** ONBUILD triggers run once, in the child: they are not inherited any further. */
  #triggersOf(stage: Stage, image: StoredImage): readonly StageInstruction[] {
    return (image.config.config?.OnBuild ?? []).map((text) => this.#trigger(stage, text));
  }

  /** What goes wrong in it is shown at the FROM that brought it. */
  #trigger({ from }: Stage, text: string): StageInstruction {
    const trigger = parseTrigger(text);
    if (trigger.kind === 'instruction') return { ...trigger.instruction, span: from.span };
    const message = trigger.diagnostics.map((each) => each.message).join('; ');
    throw this.#fault(from, `ONBUILD trigger ${JSON.stringify(text)} of the base image: ${message}`);
  }

  async #instruction(draft: StageDraft, stage: Stage, instruction: StageInstruction): Promise<void> {
    const expand = this.#expander(instruction, (name) => draft.state.env.get(name));
    switch (instruction.kind) {
      case 'arg':
        return this.#arg(draft, instruction, expand);
      case 'run':
        return this.#run(draft, stage, instruction);
      case 'copy':
      case 'add':
        return this.#copy(draft, stage, { instruction, expand });
      default:
        return this.#config(draft, stage, { instruction, expand });
    }
  }

  #config(draft: StageDraft, stage: Stage, { instruction, expand }: Expanded<StageInstruction>): void {
    if (!isConfigInstruction(instruction)) return;
    const { config, ownCommand } = draft.state;
    const change = this.#checked(instruction, () =>
      applyConfigInstruction(config, instruction, { expand, ownCommand }),
    );
    const names = instruction.kind === 'env' ? instruction.variables.map(({ name }) => expand.word(name)) : [];
    draft.change({
      config: change.config,
      env: new Map([...draft.state.env, ...assigned(names, change.config)]),
      ownCommand: ownCommand || instruction.kind === 'cmd',
      ...(change.author === undefined ? {} : { author: change.author }),
    });
    const makesFolder = instruction.kind === 'workdir' && change.config.WorkingDir !== '/';
    if (!makesFolder) return draft.note(change.createdBy);
    const vertex = workdirStep({ ...this.#stepBasics(draft, stage, instruction), state: draft.state });
    draft.add({ vertex, title: instruction.original }, change.createdBy);
  }

  #arg(draft: StageDraft, instruction: ArgInstruction, expand: Expander): void {
    const env = new Map(draft.state.env);
    const shown: string[] = [];
    for (const { name: word, defaultValue } of instruction.args) {
      const name = expand.word(word);
      const value = this.#args.value(name, defaultValue === undefined ? undefined : expand.word(defaultValue));
      if (value !== undefined) env.set(name, value);
      shown.push(value === undefined ? name : `${name}=${value}`);
      draft.declare(name);
    }
    draft.change({ env });
    draft.note(`ARG ${shown.join(' ')}`);
  }

  #run(draft: StageDraft, stage: Stage, instruction: RunInstruction): void {
    const { build } = this.#options;
    this.#refuse(instruction);
    const asked = instruction.network === 'default' ? build.network : instruction.network;
    const { state } = draft;
    const vertex = runStep({
      ...this.#stepBasics(draft, stage, instruction),
      instruction,
      state,
      network: asked === 'none' ? 'none' : 'host',
      hiddenEnv: this.#args.proxies,
      onOutput: this.#options.onOutput,
      onWarning: this.#options.onWarning,
    });
    draft.add({ vertex, title: instruction.original }, runCreatedBy(instruction, state));
  }

  async #copy(
    draft: StageDraft,
    stage: Stage,
    { instruction, expand }: Expanded<CopyInstruction | AddInstruction>,
  ): Promise<void> {
    this.#refuse(instruction);
    const plan = copyPlan(instruction, expand, draft.state.config.WorkingDir || '/');
    const basics = { ...this.#stepBasics(draft, stage, instruction), plan, instruction };
    const from =
      instruction.kind === 'copy' && instruction.from !== undefined ? expand.word(instruction.from) : undefined;
    const origin = from === undefined ? undefined : await this.#copySource(stage, instruction, from);
    const { context, onWarning } = this.#options;
    const vertex = this.#stack.use(copyStep({ ...basics, from: origin ?? context, onWarning }));
    const options = [
      plan.chown === undefined ? '' : `--chown=${plan.chown} `,
      plan.chmod ? `--chmod=${plan.chmod} ` : '',
    ];
    const inline = plan.inlineFiles.map((file) => `<<${file.name}`);
    const words = [...plan.sources, ...inline, expand.word(instruction.destination)];
    const origins = from === undefined ? '' : ` # from=${from}`;
    const createdBy = `${instruction.kind.toUpperCase()} ${options.join('')}${words.join(' ')}${origins}`;
    draft.add({ vertex, title: instruction.original }, createdBy);
  }

  /** A stage by name or number, else an image. */
  async #copySource(stage: Stage, instruction: InstructionBase, name: string): Promise<Vertex<StepResult>> {
    const earlier = this.#stageNamed(name, stage.index);
    if (earlier !== undefined) return (await this.#lower(earlier)).tip;
    if (name === 'scratch') return emptyBase().vertex;
    return imageBase(await this.#image(instruction, name), name).vertex;
  }

  async #image(instruction: InstructionBase, name: string): Promise<StoredImage> {
    try {
      return await this.#options.bases.find(name);
    } catch (error) {
      if (!Fault.is(error)) throw error;
      const { code, message, hint } = error;
      const hinted = hint === undefined ? {} : { hint };
      throw instructionFault(this.#options.source, instruction, { code, message, cause: error, ...hinted });
    }
  }

  #stepBasics(draft: StageDraft, stage: Stage, instruction: StageInstruction): StepBasics {
    const { build, ports, source, scope } = this.#options;
    const ordinal = draft.count(instruction.kind);
    return {
      source,
      instruction,
      base: draft.tip,
      slot: `${scope}/${stage.name ?? stage.index}/${instruction.kind}/${ordinal}`,
      cache: build.noCache ? 'renew' : 'use',
      ports,
    };
  }

  #stageNamed(
    name: string,
    before: number,
    options: { readonly byNumber: boolean } = { byNumber: true },
  ): Stage | undefined {
    const stages = this.#options.dockerfile.stages.slice(0, before);
    const named = stages.findLast((stage) => stage.name === name.toLowerCase());
    if (named !== undefined || !options.byNumber || !/^\d+$/.test(name)) return named;
    return stages[Number(name)];
  }

  #labelOf(stage: Stage): string {
    return stage.name ?? `stage-${stage.index}`;
  }

  #checkPlatform(stage: Stage, expand: Expander): void {
    if (stage.platform === undefined) return;
    const text = expand.word(stage.platform);
    const own = this.#options.ports.platform;
    if (text === '' || samePlatform(parsePlatform(text, own), own)) return;
    throw notThereYet(this.#options.source, stage.from, `building for ${text} on ${formatPlatform(own)}`);
  }

  #refuse(instruction: RunInstruction | CopyInstruction | AddInstruction): void {
    const flag = refusedFlag(instruction);
    if (flag !== undefined) throw notThereYet(this.#options.source, instruction, flag);
  }

  #expander(instruction: InstructionBase, lookup: (name: string) => string | undefined): Expander {
    const { dockerfile, source } = this.#options;
    return expanderFor(source, instruction, { env: lookup, escape: dockerfile.directives.escape ?? '\\' });
  }

  #checked<T>(instruction: InstructionBase, body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!Fault.is(error) || error.message.includes('\n')) throw error;
      throw this.#fault(instruction, error.message);
    }
  }

  #fault(instruction: InstructionBase, message: string): Fault {
    return instructionFault(this.#options.source, instruction, { message });
  }
}

interface Expanded<I> {
  readonly instruction: I;
  readonly expand: Expander;
}

/** What an ENV set, also where it set what the config says already: an ARG of that name may have come between. */
function assigned(names: readonly string[], config: ContainerConfig): readonly (readonly [string, string])[] {
  const variables = variablesOf(config);
  return names.map((name) => [name, variables.get(name) ?? '']);
}

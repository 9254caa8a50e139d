import type { Dockerfile, InstructionBase, Stage, StageInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { formatPlatform, parsePlatform, type Platform } from '../../oci/index.ts';
import type { BaseImages } from './base-images.ts';
import { baseOnImage, baseOnNothing, baseOnStage, emptyBase, imageBase, type BaseOptions } from './base-step.ts';
import { triggersOf } from './base-triggers.ts';
import { BuildArgs } from './build-args.ts';
import type { BuildOptions } from '../build-options.ts';
import type { BuildPorts } from '../build-ports.ts';
import type { CacheRules } from './cache-rules.ts';
import { isConfigInstruction } from './config-instructions.ts';
import { expanderFor, type Expander } from './expander.ts';
import { instructionFault, type DockerfileSource } from './instruction-fault.ts';
import { lowerArg, lowerConfig } from './lower-config.ts';
import { lowerCopy } from './lower-copy.ts';
import { lowerRun } from './lower-run.ts';
import { NameLookup } from './name-lookup.ts';
import type { NamedSource, NamedSources } from '../context/named-contexts.ts';
import type { OpenSource } from '../source/source-tree.ts';
import { StageDraft, type StageBase } from './stage-draft.ts';
import type { Origin, StageScope, StepListener } from './stage-scope.ts';
import type { LoweredStage } from './step.ts';
import type { StepBasics } from './step-basics.ts';
import { baseOnTree } from './tree-base.ts';

export interface LoweringOptions extends StepListener {
  readonly dockerfile: Dockerfile;
  readonly source: DockerfileSource;
  readonly build: BuildOptions;
  readonly ports: BuildPorts;
  readonly bases: Pick<BaseImages, 'find'>;
  readonly named: NamedSources;
  readonly context: OpenSource;
  readonly cacheRules: Pick<CacheRules, 'allow'>;
  /** What is built for. */
  readonly platform: Platform;
  /** What slots of steps begin with: the same for builds of the same file. */
  readonly scope: string;
}

/** What a stage stands on, and what is done there. */
interface StageBeginning {
  readonly base: StageBase;
  readonly instructions: readonly StageInstruction[];
}

/**
 * From instructions to a graph: the stages that a target needs, each once, for one platform. Bases are looked up (and
 * fetched) here, since what an instruction means depends on the base's config; nothing else is done yet.
 */
export class StageLowering implements Disposable {
  readonly #options: LoweringOptions;
  readonly #lowered = new Map<number, Promise<LoweredStage>>();
  readonly #finished: LoweredStage[] = [];
  readonly #args: BuildArgs;
  readonly #names: NameLookup;
  /** What steps keep until the build is over. */
  readonly #stack = new DisposableStack();

  constructor(options: LoweringOptions) {
    this.#options = options;
    const { dockerfile, source, build, ports, platform, bases, named } = options;
    this.#names = new NameLookup({ stages: dockerfile.stages, source, images: bases, contexts: named });
    const { buildArgs: given, targets } = build;
    this.#args = new BuildArgs({
      dockerfile,
      source,
      given,
      target: targets[0],
      platform,
      buildPlatform: ports.platform,
    });
  }

  /** The stage, and all that it needs. */
  target(stage: Stage): Promise<LoweredStage> {
    return this.#lower(stage);
  }

  /** Every stage that was lowered, in the order of the file. */
  get stages(): readonly LoweredStage[] {
    return this.#finished.toSorted((a, b) => a.index - b.index);
  }

  /** Build arguments that no ARG asked for. */
  get unusedArgs(): readonly string[] {
    return this.#args.unused;
  }

  /** Lets go of what steps have kept. The graph is of no use afterwards. */
  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #lower(stage: Stage): Promise<LoweredStage> {
    const lowered = this.#lowered.get(stage.index) ?? this.#lowerAnew(stage);
    this.#lowered.set(stage.index, lowered);
    return lowered;
  }

  async #lowerAnew(stage: Stage): Promise<LoweredStage> {
    const { base, instructions } = (await this.#replacement(stage)) ?? (await this.#base(stage));
    const draft = new StageDraft(base);
    const scope = this.#scope(stage, draft);
    for (const instruction of instructions) await lowerInstruction(scope, instruction);
    const label = stage.name ?? `stage-${stage.index}`;
    const lowered = { index: stage.index, label, targetPlatform: this.#options.platform, ...draft.finish() };
    this.#finished.push(lowered);
    return lowered;
  }

  /** The named context that stands in the place of the whole stage: none of its instructions count. */
  async #replacement(stage: Stage): Promise<StageBeginning | undefined> {
    if (stage.name === undefined) return undefined;
    const platform = this.#platform(stage, this.#expander(stage.from, this.#args.global));
    const named = await this.#names.context(stage.from, stage.name, platform);
    if (named === undefined) return undefined;
    return { base: this.#baseOnNamed(stage, named, { name: stage.name, platform }), instructions: [] };
  }

  async #base(stage: Stage): Promise<StageBeginning> {
    const expand = this.#expander(stage.from, this.#args.global);
    const platform = this.#platform(stage, expand);
    const epochSec = this.#options.build.sourceDateEpochSec;
    const name = expand.word(stage.base);
    const { instructions } = stage;
    if (name === '') throw this.#fault(stage.from, `base name (${stage.base.text}) should not be blank`);
    const earlier = this.#names.baseStage(name, stage);
    if (earlier !== undefined) return this.#beginning(stage, await this.#lower(earlier));
    if (name === 'scratch') return { base: baseOnNothing({ platform, epochSec }), instructions };
    const named =
      (await this.#names.context(stage.from, name, platform)) ??
      ({ kind: 'image', image: await this.#names.image(stage.from, name, platform) } as const);
    const config = named.kind === 'image' ? named.image.config.config : undefined;
    const triggers = triggersOf(config, stage, this.#options.source);
    const base = this.#baseOnNamed(stage, named, { name, platform });
    return { base, instructions: [...triggers, ...instructions] };
  }

  #beginning(stage: Stage, below: LoweredStage): StageBeginning {
    const triggers = triggersOf(below.state.config, stage, this.#options.source);
    return { base: baseOnStage(below), instructions: [...triggers, ...stage.instructions] };
  }

  #baseOnNamed(
    stage: Stage,
    named: NamedSource,
    { name, platform }: { readonly name: string; readonly platform: Platform },
  ): StageBase {
    const options = { platform, epochSec: this.#options.build.sourceDateEpochSec };
    switch (named.kind) {
      case 'nothing':
        return baseOnNothing(options);
      case 'image':
        return baseOnImage(named.image, name, options);
      case 'tree':
        return this.#baseOnTree(stage, named.open, { name, ...options });
    }
  }

  #baseOnTree(stage: Stage, open: OpenSource, options: BaseOptions & { readonly name: string }): StageBase {
    const { source, ports, cacheRules, onWarning } = this.#options;
    const base = emptyBase(options.epochSec).vertex;
    const cache = cacheRules.allow(stage, 1) ? ('use' as const) : ('renew' as const);
    const basics = { source, instruction: stage.from, base, slot: this.#slot(stage, 'from'), cache, ports };
    return baseOnTree(open, { ...options, basics, onWarning, keep: (kept) => this.#stack.use(kept) });
  }

  #platform(stage: Stage, expand: Expander): Platform {
    const { platform, ports } = this.#options;
    const text = stage.platform === undefined ? '' : expand.word(stage.platform);
    if (text === '') return platform;
    try {
      return parsePlatform(text, ports.platform);
    } catch (error) {
      throw this.#fault(stage.from, `failed to parse platform ${text}: ${Fault.wrap('', error).message}`);
    }
  }

  #scope(stage: Stage, draft: StageDraft): StageScope {
    const { build, source, context, onOutput, onPacking, onWarning } = this.#options;
    const { platform } = draft.state;
    return {
      stage,
      draft,
      build,
      source,
      args: this.#args,
      platform,
      context,
      onOutput,
      onPacking,
      onWarning,
      expander: (instruction) => this.#expander(instruction, (name) => draft.state.env.get(name)),
      basics: (instruction) => this.#basics(draft, stage, instruction),
      origin: (instruction, name) => this.#origin(stage, instruction, { name, platform }),
      keep: (kept) => this.#stack.use(kept),
    };
  }

  async #origin(
    stage: Stage,
    instruction: InstructionBase,
    { name, platform }: { readonly name: string; readonly platform: Platform },
  ): Promise<Origin> {
    const other = this.#names.sourceStage(name);
    const named = await this.#names.context(instruction, other === undefined ? name : (other.name ?? ''), platform);
    if (named?.kind === 'tree') return named.open;
    if (other !== undefined) {
      this.#names.requireBefore(stage, instruction, { name, other });
      return (await this.#lower(other)).tip;
    }
    if (/^\d+$/.test(name)) throw this.#fault(instruction, `invalid stage index ${name}`);
    if (name === 'scratch' || named?.kind === 'nothing') return emptyBase().vertex;
    return imageBase(named?.image ?? (await this.#names.image(instruction, name, platform)), name).vertex;
  }

  #basics(draft: StageDraft, stage: Stage, instruction: StageInstruction): StepBasics {
    const { ports, source, cacheRules } = this.#options;
    const ordinal = draft.count(instruction.kind);
    return {
      source,
      instruction,
      base: draft.tip,
      slot: this.#slot(stage, `${instruction.kind}/${ordinal}`),
      cache: cacheRules.allow(stage, draft.stepCount + 1) ? 'use' : 'renew',
      ports,
    };
  }

  #slot(stage: Stage, step: string): string {
    const { ports, scope, platform } = this.#options;
    const foreign = platform === ports.platform ? '' : `${formatPlatform(platform)}/`;
    return `${scope}/${foreign}${stage.name ?? stage.index}/${step}`;
  }

  #expander(instruction: InstructionBase, lookup: (name: string) => string | undefined): Expander {
    const { dockerfile, source } = this.#options;
    return expanderFor(source, instruction, { env: lookup, escape: dockerfile.directives.escape ?? '\\' });
  }

  #fault(instruction: InstructionBase, message: string): Fault {
    return instructionFault(this.#options.source, instruction, { message });
  }
}

async function lowerInstruction(scope: StageScope, instruction: StageInstruction): Promise<void> {
  if (isConfigInstruction(instruction)) return lowerConfig(scope, instruction);
  switch (instruction.kind) {
    case 'arg':
      return lowerArg(scope, instruction);
    case 'run':
      return await lowerRun(scope, instruction);
    case 'copy':
    case 'add':
      return await lowerCopy(scope, instruction);
  }
}

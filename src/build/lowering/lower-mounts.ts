import { posix } from 'node:path';
import { resolveMount, type Mount, type MountFlag, type RunInstruction } from '../../dockerfile/index.ts';
import type { Vertex } from '../../solver/index.ts';
import { emptyBase } from './base-step.ts';
import { builderArgs } from './builder-args.ts';
import { plainCopyPlan } from '../copy/copy-plan.ts';
import { copyStep } from '../copy/copy-step.ts';
import { instructionFault } from './instruction-fault.ts';
import type { MountedContent, RunMount } from '../run/run-mount.ts';
import type { OpenSource } from '../source/source-tree.ts';
import type { StageScope } from './stage-scope.ts';
import type { StepBasics } from './step-basics.ts';
import type { StepResult } from '../step-result.ts';

export interface MountLowering {
  readonly scope: StageScope;
  readonly instruction: RunInstruction;
  /** Of the RUN. */
  readonly basics: StepBasics;
}

/** The mounts of a RUN, in their order. What they take from contexts becomes layers of their own. */
export async function lowerMounts(lowering: MountLowering): Promise<readonly RunMount[]> {
  const { scope, instruction } = lowering;
  const { attempt } = scope.expander(instruction);
  const mounts: RunMount[] = [];
  for (const flag of instruction.mounts) {
    const resolved = resolveMount(flag, attempt);
    if (resolved.kind === 'invalid') throw faultIn(lowering, resolved.message);
    const agents = mounts.filter(({ kind }) => kind === 'ssh').length;
    mounts.push(await new MountOf(lowering, flag, resolved.mount).lower(agents));
  }
  return mounts;
}

/** One `--mount`. Empty values are as good as none. */
class MountOf {
  readonly #lowering: MountLowering;
  readonly #flag: MountFlag;
  readonly #mount: Mount;

  constructor(lowering: MountLowering, flag: MountFlag, mount: Mount) {
    this.#lowering = lowering;
    this.#flag = flag;
    this.#mount = mount;
  }

  /** `agents`: how many were there before. */
  async lower(agents: number): Promise<RunMount> {
    switch (this.#mount.type) {
      case 'bind':
        return { kind: 'bind', target: this.#target(), readOnly: this.#mount.readOnly, content: await this.#content() };
      case 'cache':
        return await this.#cache();
      case 'tmpfs':
        return {
          kind: 'tmpfs',
          target: this.#target(),
          readOnly: this.#mount.readOnly,
          sizeBytes: this.#mount.sizeBytes,
        };
      case 'secret':
        return this.#secret();
      case 'ssh':
        return this.#ssh(agents);
    }
  }

  async #cache(): Promise<RunMount> {
    const { target = '', id = '', from = '', source = '', sharing = 'shared', readOnly } = this.#mount;
    const { uid, gid, mode } = this.#mount;
    if (from === '' && posix.resolve('/', source) !== '/') {
      throw this.#fault(`the source ${source} of a cache needs a from`);
    }
    if (from !== '' && [uid, gid, mode].some((each) => each !== undefined)) {
      const what = 'owner and mode of a cache that begins as a copy are those of what was copied';
      this.#lowering.scope.onWarning(undefined, `--mount=${this.#flag.word.text}: ${what}`);
    }
    const { cacheNamespace } = builderArgs(this.#lowering.scope.build.buildArgs);
    const ownId = id || posix.normalize(target).replace(/(.)\/$/, '$1');
    return {
      kind: 'cache',
      target: this.#target(),
      readOnly,
      id: cacheNamespace === undefined ? ownId : `${cacheNamespace}/${ownId}`,
      sharing,
      uid: uid ?? 0,
      gid: gid ?? 0,
      mode: mode ?? 0o755,
      seed: from === '' ? undefined : await this.#content(),
    };
  }

  #secret(): RunMount {
    const { target = '', source = '', env } = this.#mount;
    const id = source || this.#mount.id || posix.basename(target);
    if (env === '') throw this.#fault(`the variable for secret ${id} has no name`);
    const file = target || (env === undefined ? `/run/secrets/${posix.basename(id)}` : '');
    return {
      kind: 'secret',
      ...this.#provided(0o400),
      id,
      target: file === '' ? undefined : this.#checked(posix.resolve('/', file)),
      env,
    };
  }

  #ssh(agents: number): RunMount {
    const { target = '', source = '', id = '' } = this.#mount;
    if (source !== '') throw this.#fault('ssh mount should not define source');
    const path = posix.resolve('/', target || `/run/buildkit/ssh_agent.${agents}`);
    return { kind: 'ssh', ...this.#provided(0o600), id: id || 'default', target: this.#checked(path) };
  }

  #provided(usualMode: number): { required: boolean; uid: number; gid: number; mode: number } {
    const { required, uid = 0, gid = 0, mode = usualMode } = this.#mount;
    return { required, uid, gid, mode };
  }

  #target(): string {
    const { config } = this.#lowering.scope.draft.state;
    return this.#checked(posix.resolve('/', config.WorkingDir || '/', this.#mount.target ?? ''));
  }

  #checked(target: string): string {
    if (ofContainer.test(target))
      throw this.#fault(`invalid mount target ${JSON.stringify(target)}: a container has its own`);
    if (target !== '/' && !target.includes('\0')) return target;
    throw this.#fault(`invalid mount target ${JSON.stringify(target)}`);
  }

  async #content(): Promise<MountedContent> {
    const { scope, instruction } = this.#lowering;
    const { from = '', source = '' } = this.#mount;
    const path = posix.resolve('/', source);
    const origin = from === '' ? scope.context : await scope.origin(instruction, from);
    if (typeof origin !== 'function') return { origin, path, isAll: path === '/' };
    return { origin: this.#layerOf(origin, path), path: `/${layerName}`, isAll: true };
  }

  /** What is at `path` in a context, as a layer that holds nothing else. */
  #layerOf(from: OpenSource, path: string): Vertex<StepResult> {
    const { scope, instruction, basics } = this.#lowering;
    const known = contextLayers.get(from) ?? new Map<string, Vertex<StepResult>>();
    contextLayers.set(from, known);
    const existing = known.get(path);
    if (existing !== undefined) return existing;
    const vertex = scope.keep(
      copyStep({
        ...basics,
        slot: `${basics.slot}/mount/${path}`,
        base: emptyBase(scope.build.sourceDateEpochSec).vertex,
        instruction,
        from,
        plan: plainCopyPlan(path, `/${layerName}`),
        onWarning: scope.onWarning,
      }),
    );
    known.set(path, vertex);
    return vertex;
  }

  #fault(message: string): Error {
    return faultIn(this.#lowering, message, this.#flag);
  }
}

/** What was taken from a context before: the same for all steps of a build. */
const contextLayers = new WeakMap<OpenSource, Map<string, Vertex<StepResult>>>();

/** What no container starts without. */
const ofContainer = /^\/dev$|^\/proc(\/|$)/;

/** Where it is in its layer. */
const layerName = 'mounted';

function faultIn({ scope, instruction }: MountLowering, message: string, flag?: MountFlag): Error {
  const shown = flag === undefined ? message : `--mount=${flag.word.text}: ${message}`;
  return instructionFault(scope.source, instruction, { message: shown });
}

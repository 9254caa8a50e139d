import { createHash } from 'node:crypto';
import type { StoredImage } from '../../image/index.ts';
import type { Platform } from '../../oci/index.ts';
import { recordOf, type Vertex } from '../../solver/index.ts';
import { bytesOf } from '../../std/index.ts';
import { defaultPath } from './default-path.ts';
import { variablesOf, type StageBase } from './stage-draft.ts';
import type { LoweredStage, Step } from './step.ts';
import type { StepResult } from '../step-result.ts';

export interface BaseOptions {
  readonly platform: Platform;
  /** The time that nothing built on it may be later than: what is built for another one has other keys. */
  readonly epochSec: number | undefined;
}

/** FROM an image: its layers, as they are. `name` is how the file calls it. */
export function imageBase(image: StoredImage, name: string, epochSec?: number): Step {
  const createdMs = image.config.created === undefined ? 0 : Date.parse(image.config.created);
  const vertex = chainVertex({ chain: image.chain, createdMs }, epochSec);
  return { vertex, title: `FROM ${image.names[0] ?? name}` };
}

/** FROM scratch. */
export function emptyBase(epochSec?: number): Step {
  return { vertex: chainVertex({ chain: [], createdMs: 0 }, epochSec), title: 'FROM scratch' };
}

export function baseOnNothing({ platform, epochSec }: BaseOptions): StageBase {
  const config = { Env: [`PATH=${defaultPath}`], WorkingDir: '/' };
  const nothing = { author: undefined, baseHistory: [], history: [], args: [] };
  return { step: emptyBase(epochSec), platform, config, env: variablesOf(config), ...nothing };
}

export function baseOnImage(image: StoredImage, name: string, { platform, epochSec }: BaseOptions): StageBase {
  const { OnBuild: _, ...config } = image.config.config ?? {};
  return {
    step: imageBase(image, name, epochSec),
    platform,
    config,
    author: image.config.author,
    baseHistory: image.config.history ?? [],
    history: [],
    env: variablesOf(config),
    args: [],
  };
}

/** FROM an earlier stage: goes on where it ended, its ARGs included. */
export function baseOnStage(stage: LoweredStage): StageBase {
  const { ownCommand: _, ...state } = stage.state;
  const { OnBuild: __, ...config } = state.config;
  return { ...state, config, history: stage.history, step: { vertex: stage.tip, title: `FROM ${stage.label}` } };
}

/** A vertex that stands for layers which are there. Their identity is their content's: nothing else counts. */
function chainVertex(result: StepResult, epochSec: number | undefined): Vertex<StepResult> {
  const { chain } = result;
  const epoch = epochSec === undefined ? '' : `@${epochSec}`;
  const contentId = `chain:${createHash('sha256').update(chain.join('\n')).digest('hex')}${epoch}`;
  return {
    label: 'FROM',
    slot: 'from',
    inputs: [],
    record: recordOf({ op: bytesOf('from'), layers: bytesOf(chain.join(' ')), epoch: bytesOf(epoch) }),
    cache: 'off',
    run: async () => ({ result, contentId }),
  };
}

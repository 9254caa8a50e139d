import { createHash } from 'node:crypto';
import type { StoredImage } from '../image/index.ts';
import { recordOf, type Vertex } from '../solver/index.ts';
import { bytesOf } from '../std/index.ts';
import { defaultPath } from './default-path.ts';
import { variablesOf, type StageBase } from './stage-draft.ts';
import type { LoweredStage, Step } from './step.ts';
import type { StepResult } from './step-result.ts';

/** FROM an image: its layers, as they are. `name` is how the file calls it. */
export function imageBase(image: StoredImage, name: string): Step {
  const createdMs = image.config.created === undefined ? 0 : Date.parse(image.config.created);
  return { vertex: chainVertex({ chain: image.chain, createdMs }), title: `FROM ${image.names[0] ?? name}` };
}

/** FROM scratch. */
export function emptyBase(): Step {
  return { vertex: chainVertex({ chain: [], createdMs: 0 }), title: 'FROM scratch' };
}

export function baseOnNothing(): StageBase {
  const config = { Env: [`PATH=${defaultPath}`], WorkingDir: '/' };
  const nothing = { author: undefined, baseHistory: [], history: [], args: [] };
  return { step: emptyBase(), config, env: variablesOf(config), ...nothing };
}

export function baseOnImage(image: StoredImage, name: string): StageBase {
  const { OnBuild: _, ...config } = image.config.config ?? {};
  return {
    step: imageBase(image, name),
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
  const { config, author, baseHistory, history, env, args } = stage.state;
  return { step: { vertex: stage.tip, title: `FROM ${stage.label}` }, config, author, baseHistory, history, env, args };
}

/** A vertex that stands for layers which are there. Their identity is their content's: nothing else counts. */
function chainVertex(result: StepResult): Vertex<StepResult> {
  const { chain } = result;
  const contentId = `chain:${createHash('sha256').update(chain.join('\n')).digest('hex')}`;
  return {
    label: 'FROM',
    slot: 'from',
    inputs: [],
    record: recordOf({ op: bytesOf('from'), layers: bytesOf(chain.join(' ')) }),
    cache: 'off',
    run: async () => ({ result, contentId }),
  };
}

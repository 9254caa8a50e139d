import { recordOf, type Vertex } from '../solver/index.ts';
import { bytesOf } from '../std/index.ts';
import type { StepBasics } from './step-basics.ts';
import type { StageState } from './step.ts';
import type { StepResult } from './step-result.ts';
import { resolveInTree } from './tree-path.ts';
import { userInTree } from './tree-user.ts';
import { TreeWriter } from './tree-writer.ts';

export interface WorkdirStepOptions extends StepBasics {
  /** As the instruction left it. */
  readonly state: StageState;
}

/** A WORKDIR: makes the folder where it is missing, as USER's; a folder that is there makes no layer. */
export function workdirStep({ state, base, slot, cache, ports, instruction }: WorkdirStepOptions): Vertex<StepResult> {
  const path = bytesOf(state.config.WorkingDir ?? '/');
  const user = state.config.User ?? '';
  return {
    label: instruction.original,
    slot,
    inputs: [base],
    record: recordOf({ op: bytesOf('workdir'), path, user: bytesOf(user) }),
    cache,
    run: async ({ inputs }) => {
      const { chain, createdMs } = inputs[0] ?? nothing;
      using below = ports.layers.tree(chain);
      const place = resolveInTree(below, path);
      if (below.lookup(place)?.type === 'dir') return { result: { chain, createdMs }, contentId: nothingMade };
      using packer = ports.layers.packer({ holder: ports.holder, below: chain });
      new TreeWriter(packer, below, userInTree(below, user)).directory(place);
      const layer = packer.commit();
      const result = { chain: [...chain, layer.diffId], createdMs: ports.clock.now() };
      return { result, contentId: layer.contentId };
    },
  };
}

const nothingMade = 'content:none';
const nothing: StepResult = { chain: [], createdMs: 0 };

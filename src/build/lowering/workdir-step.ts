import { recordOf, type Outcome, type Vertex } from '../../solver/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import type { BuildPorts } from '../build-ports.ts';
import { faultAt } from './instruction-fault.ts';
import type { StepBasics } from './step-basics.ts';
import type { StageState } from './step.ts';
import type { StepResult } from '../step-result.ts';
import { resolveInTree } from '../copy/tree-path.ts';
import { ownerInTree } from '../copy/tree-user.ts';
import { TreeWriter } from '../copy/tree-writer.ts';
import { nothingMade } from '../cache/shared-entry.ts';

export interface WorkdirStepOptions extends StepBasics {
  /** As the instruction left it. */
  readonly state: StageState;
}

/** A WORKDIR: makes the folder where it is missing, as USER's; a folder that is there makes no layer. */
export function workdirStep(options: WorkdirStepOptions): Vertex<StepResult> {
  const { state, base, slot, cache, source, instruction } = options;
  const path = bytesOf(state.config.WorkingDir ?? '/');
  const user = state.config.User ?? '';
  return {
    label: instruction.original,
    slot,
    inputs: [base],
    record: recordOf({ op: bytesOf('workdir'), path, user: bytesOf(user) }),
    cache,
    run: async ({ inputs, signal }) => {
      try {
        await options.ports.fetcher?.bring(inputs[0]?.chain ?? [], signal);
        return makeFolder(options.ports, inputs[0] ?? nothing, { path, user });
      } catch (error) {
        throw faultAt(source, instruction, error);
      }
    },
  };
}

function makeFolder(
  { layers, packer: begin, clock }: BuildPorts,
  { chain, createdMs }: StepResult,
  { path, user }: { readonly path: ByteString; readonly user: string },
): Outcome<StepResult> {
  using below = layers.tree(chain);
  const place = resolveInTree(below, path);
  if (below.lookup(place)?.type === 'dir') return { result: { chain, createdMs }, contentId: nothingMade };
  using packer = begin(chain);
  new TreeWriter(packer, below, ownerInTree(below, user)).directory(place);
  const layer = packer.commit();
  return { result: { chain: [...chain, layer.diffId], createdMs: clock.now() }, contentId: layer.contentId };
}

const nothing: StepResult = { chain: [], createdMs: 0 };

import { baseOnNothing, type BaseOptions } from './base-step.ts';
import type { CopyPlan } from '../copy/copy-plan.ts';
import { copyStep } from '../copy/copy-step.ts';
import type { OpenSource } from '../source/source-tree.ts';
import type { StageBase } from './stage-draft.ts';
import type { StageScope } from './stage-scope.ts';
import type { StepBasics } from './step-basics.ts';

export interface TreeBaseOptions extends BaseOptions, Pick<StageScope, 'keep' | 'onWarning'> {
  /** As the Dockerfile calls it. */
  readonly name: string;
  readonly basics: StepBasics;
}

/** FROM a tree of files: one layer that has all of it. */
export function baseOnTree(open: OpenSource, options: TreeBaseOptions): StageBase {
  const { name, basics, keep, onWarning } = options;
  const title = `FROM ${name}`;
  const step = { vertex: keep(copyStep({ ...basics, plan: everything, from: open, onWarning })), title };
  return { ...baseOnNothing(options), step, history: [{ createdBy: title, step }] };
}

const everything: CopyPlan = {
  words: [{ kind: 'path', text: '.' }],
  sources: ['.'],
  inlineFiles: [],
  destination: '/',
  chown: undefined,
  chmod: undefined,
  excludes: [],
  keepsParents: false,
  keepsRoot: false,
  unpacks: { paths: false, urls: false },
};

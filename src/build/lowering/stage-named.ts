import type { Stage } from '../../dockerfile/index.ts';

/** The last of the stages with this name, in any case of letters; a number counts stages from 0 unless told otherwise. */
export function stageNamed(
  stages: readonly Stage[],
  name: string,
  options: { readonly byNumber: boolean } = { byNumber: true },
): Stage | undefined {
  const named = stages.findLast((stage) => stage.name === name.toLowerCase());
  if (named !== undefined || !options.byNumber || !/^\d+$/.test(name)) return named;
  return stages[Number(name)];
}

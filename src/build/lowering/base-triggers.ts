import { parseTrigger, type Stage, type StageInstruction } from '../../dockerfile/index.ts';
import type { ContainerConfig } from '../../oci/index.ts';
import { instructionFault, type DockerfileSource } from './instruction-fault.ts';

/**
 * The ONBUILD triggers of a stage's base, be it an image or another stage. They run once, in the child: they are not
 * inherited any further. `base`: the configuration of the base.
 */
export function triggersOf(
  base: ContainerConfig | undefined,
  stage: Stage,
  source: DockerfileSource,
): readonly StageInstruction[] {
  return (base?.OnBuild ?? []).map((text) => trigger(text, stage, source));
}

/** What goes wrong in it is shown at the FROM that brought it. */
function trigger(text: string, { from }: Stage, source: DockerfileSource): StageInstruction {
  const parsed = parseTrigger(text);
  if (parsed.kind === 'instruction') return { ...parsed.instruction, span: from.span };
  const problems = parsed.diagnostics.map((each) => each.message).join('; ');
  const message = `ONBUILD trigger ${JSON.stringify(text)} of the base image: ${problems}`;
  throw instructionFault(source, from, { message });
}

import type { InstructionBase, Stage } from '../../dockerfile/index.ts';
import type { StoredImage } from '../../image/index.ts';
import type { Platform } from '../../oci/index.ts';
import type { NamedSource, NamedSources } from '../context/named-contexts.ts';
import type { BaseImages } from './base-images.ts';
import { faultAt, instructionFault, type DockerfileSource } from './instruction-fault.ts';
import { hintAtStage } from './meant-stage.ts';
import { stageNamed } from './stage-named.ts';

export interface NameLookupOptions {
  readonly stages: readonly Stage[];
  readonly source: DockerfileSource;
  readonly images: Pick<BaseImages, 'find'>;
  readonly contexts: NamedSources;
}

/** What names of a Dockerfile mean: stages, named contexts, images. What goes wrong is said at the instruction. */
export class NameLookup {
  readonly #options: NameLookupOptions;

  constructor(options: NameLookupOptions) {
    this.#options = options;
  }

  async image(instruction: InstructionBase, name: string, platform: Platform): Promise<StoredImage> {
    const { images, source, stages } = this.#options;
    try {
      return await images.find(name, platform);
    } catch (error) {
      throw faultAt(source, instruction, hintAtStage(error, name, stages));
    }
  }

  async context(instruction: InstructionBase, name: string, platform: Platform): Promise<NamedSource | undefined> {
    try {
      return await this.#options.contexts.find(name, platform);
    } catch (error) {
      throw faultAt(this.#options.source, instruction, error);
    }
  }

  /** The stage that FROM in `stage` means: one before it. */
  baseStage(name: string, stage: Stage): Stage | undefined {
    return stageNamed(this.#options.stages.slice(0, stage.index), name, { byNumber: false });
  }

  /** The stage that `--from` or `from=` means, by its name or number, wherever it stands. */
  sourceStage(name: string): Stage | undefined {
    return stageNamed(this.#options.stages, name, { byNumber: true });
  }

  /** Refuses to take something from a stage that is not there yet. */
  requireBefore(stage: Stage, instruction: InstructionBase, named: { name: string; other: Stage }): void {
    const { name, other } = named;
    if (other.index < stage.index) return;
    const own = stage.name ?? String(stage.index);
    const message =
      other === stage
        ? `circular dependency detected on stage: ${own}`
        : `cannot copy from stage ${JSON.stringify(name)}, it needs to be defined before current stage ${JSON.stringify(own)}`;
    throw instructionFault(this.#options.source, instruction, { message });
  }
}

import {
  freshImage,
  freshIndex,
  saveImages,
  type LayerPacking,
  type OutgoingImage,
  type OutgoingIndex,
  type SaveTarget,
} from '../../image/index.ts';
import type { LayerStore } from '../../layer/index.ts';
import { formatReference, normalisePlatform, type Descriptor, type Digest } from '../../oci/index.ts';
import type { DockerOutput, OciOutput } from './build-output.ts';
import type { FinishedTarget, OutputPorts, WrittenImage } from './finished-target.ts';
import { annotationsFor } from './output-annotations.ts';
import { writeOutput } from './output-file.ts';
import { allAnnotations, imageIdsOf, namesOf } from './output-image.ts';

/** Writes the result as an OCI layout or an archive for `docker load`; the store gets no image by that. */
export async function writeArchive(
  output: OciOutput | DockerOutput,
  target: FinishedTarget,
  ports: OutputPorts,
): Promise<WrittenImage> {
  const { blobs, layers, images, holder, signal, stdout } = ports;
  const names = namesOf(output, target);
  const { content, configDigests } = outgoingOf(output, target, layers);
  const listed = target.isMulti ? 'indexDescriptor' : 'manifestDescriptor';
  const annotations = annotationsFor(allAnnotations(output, target), listed, target.platforms[0]?.platform);
  const packing = output.kind === 'oci' ? packingOf(output) : undefined;
  let descriptors: readonly Descriptor[] = [];
  const save = async (to: SaveTarget): Promise<void> => {
    descriptors = await saveImages([{ content, names, annotations }], {
      blobs,
      layers,
      images,
      holder,
      packing,
      to,
      signal,
    });
  };
  const dest = output.dest ?? '-';
  if (output.kind === 'oci' && !output.tar) await save({ format: 'oci', directory: dest });
  else await writeOutput(dest, stdout, (write) => save({ format: output.kind, write }));
  return {
    descriptor: descriptors[0] as Descriptor,
    names: names.map(formatReference),
    ...imageIdsOf(configDigests, target, ports.platform),
  };
}

function packingOf({ compression: { kind, level, forced } }: OciOutput): LayerPacking {
  return { kind, level, isForced: forced };
}

interface OutgoingTarget {
  readonly content: OutgoingImage | OutgoingIndex;
  readonly configDigests: readonly Digest[];
}

function outgoingOf(output: OciOutput | DockerOutput, target: FinishedTarget, layers: LayerStore): OutgoingTarget {
  const annotations = allAnnotations(output, target);
  const members = target.platforms.map(({ platform, config }) => ({
    platform: normalisePlatform(platform),
    image: freshImage(config, { layers, annotations: annotationsFor(annotations, 'manifest', platform) }),
    annotations: annotationsFor(annotations, 'manifestDescriptor', platform),
  }));
  const configDigests = members.map(({ image }) => image.config.digest);
  const [first] = members;
  const content =
    target.isMulti || first === undefined ? freshIndex(members, annotationsFor(annotations, 'index')) : first.image;
  return { content, configDigests };
}

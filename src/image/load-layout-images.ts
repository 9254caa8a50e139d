import { Fault } from '../errors/index.ts';
import {
  checkLayoutMarker,
  choosePlatform,
  familiarReference,
  formatPlatform,
  imageLayers,
  imageLayout,
  isImageManifestType,
  layoutBlobPath,
  parseImageConfig,
  parseImageManifest,
  parseManifest,
  parseReference,
  type Descriptor,
  type DiffId,
  type ImageIndex,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import type { ArchiveContent } from './archive-content.ts';
import { isImageMember } from './index-members.ts';
import type { LoadImagesOptions, ReadyImage } from './ready-image.ts';

type LayoutOptions = Pick<LoadImagesOptions, 'platform' | 'onEvent'>;

/** The images of an OCI layout: one for each entry of its `index.json`. Entries that are no images are passed over. */
export async function layoutImages(content: ArchiveContent, options: LayoutOptions): Promise<readonly ReadyImage[]> {
  checkLayoutMarker(content.document(imageLayout.marker) ?? new Uint8Array());
  const index = parseIndex(content.document(imageLayout.index) ?? new Uint8Array());
  const ready: ReadyImage[] = [];
  for (const entry of index.manifests) {
    const name = nameOf(entry);
    const what = name === undefined ? entry.digest : familiarReference(name);
    const image = await readyEntry(entry, { what, content, options });
    ready.push({ ...image, names: name === undefined ? [] : [name] });
  }
  return ready;
}

function parseIndex(bytes: Uint8Array): ImageIndex {
  const index = parseManifest(bytes);
  if (index.kind !== 'index') throw new Fault('invalid', `load images: ${imageLayout.index} is no index`);
  return index;
}

/** The whole name that containerd and Docker write, or a `ref.name` that is one; a tag alone says no name. */
function nameOf({ annotations = {} }: Descriptor): Reference | undefined {
  const whole = annotations['io.containerd.image.name'];
  if (whole !== undefined) return parseReference(whole);
  const name = annotations[imageLayout.refName] ?? '';
  return /[/:]/.test(name) ? parseReference(name) : undefined;
}

interface Entering {
  readonly what: string;
  readonly content: ArchiveContent;
  readonly options: LayoutOptions;
}

async function readyEntry(entry: Descriptor, entering: Entering): Promise<Omit<ReadyImage, 'names'>> {
  const { what, content } = entering;
  try {
    const bytes = content.blob(entry);
    if (bytes === undefined) throw new Fault('invalid', `its manifest ${entry.digest} is not in the archive`);
    const manifest = parseManifest(bytes, { mediaType: entry.mediaType });
    if (manifest.kind === 'image') return { kind: 'image', digest: await readyManifest(entry, entering) };
    return await readyIndex(entry, manifest, entering);
  } catch (error) {
    throw Fault.is(error, 'not-found') ? error : Fault.wrap(`load ${what}`, error);
  }
}

async function readyManifest(descriptor: Descriptor, { what, content }: Entering): Promise<Descriptor['digest']> {
  const bytes = content.blob(descriptor);
  if (bytes === undefined) throw new Fault('invalid', `its manifest ${descriptor.digest} is not in the archive`);
  const manifest = parseImageManifest(bytes, { mediaType: descriptor.mediaType });
  const configBytes = content.blob(manifest.config);
  if (configBytes === undefined)
    throw new Fault('invalid', `its config ${manifest.config.digest} is not in the archive`);
  const missing: DiffId[] = [];
  for (const { descriptor: layer, diffId } of imageLayers(manifest, parseImageConfig(configBytes))) {
    if (!(await content.haveLayer(diffId, layoutBlobPath(layer.digest), layer.digest))) missing.push(diffId);
  }
  if (missing.length > 0) throw content.missingLayers(what, missing);
  content.keep(configBytes);
  return content.keep(bytes);
}

/**
 * An index as it is where all that it names is there. `docker save` of an image of several platforms writes the index as it
 * is and only what was pulled of it: then the image that suits best is taken alone.
 */
async function readyIndex(
  entry: Descriptor,
  { manifests }: ImageIndex,
  entering: Entering,
): Promise<Omit<ReadyImage, 'names'>> {
  const { content, options, what } = entering;
  const images = manifests.filter(isImageMember);
  const present = images.filter((each) => content.blob(each) !== undefined);
  if (present.length === images.length && images.length > 0) {
    for (const image of images) await readyManifest(image, entering);
    if (manifests.filter((each) => !isImageMember(each)).every((each) => keepAttached(each, content))) {
      return { kind: 'index', digest: content.keep(content.blob(entry) ?? new Uint8Array()) };
    }
  }
  const chosen = choosePlatform(present, options.platform) ?? present[0];
  if (chosen === undefined) throw new Fault('invalid', 'no image that its index names is in the archive');
  if (present.length < images.length) {
    const shown = `${present.length} of the ${images.length} platforms of its index are in the archive`;
    options.onEvent({ kind: 'warning', message: `${what}: ${shown}: only ${shownPlatform(chosen)} is loaded` });
  }
  return { kind: 'image', digest: await readyManifest(chosen, entering) };
}

/** True if all that it names is there. */
function keepAttached(descriptor: Descriptor, content: ArchiveContent): boolean {
  const bytes = isImageManifestType(descriptor.mediaType) ? content.blob(descriptor) : undefined;
  if (bytes === undefined) return false;
  const { config, layers } = parseImageManifest(bytes, { mediaType: descriptor.mediaType });
  if (![config, ...layers].every(({ digest }) => content.keepBlob(digest))) return false;
  content.keep(bytes);
  return true;
}

function shownPlatform({ platform, digest }: { readonly platform?: Platform; readonly digest: string }): string {
  return platform === undefined ? digest : formatPlatform(platform);
}

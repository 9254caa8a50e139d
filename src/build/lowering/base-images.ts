import { Fault } from '../../errors/index.ts';
import type { ImageStore, StoredImage } from '../../image/index.ts';
import {
  formatPlatform,
  formatReference,
  parseReference,
  samePlatform,
  toDigest,
  type Platform,
  type Reference,
} from '../../oci/index.ts';
import type { LayerHolder } from '../../layer/index.ts';

export interface BaseImagesOptions {
  readonly images: Pick<ImageStore, 'find'>;
  readonly holder: LayerHolder;
  /** Ask the registry even for what is here. */
  readonly alwaysPull: boolean;
  readonly pull: (reference: Reference, options: { name: string; platform: Platform }) => Promise<StoredImage>;
  /** Told when an image that is not for the platform is used, since there is no other. */
  readonly onOtherPlatform: (name: string, expected: Platform, found: Platform) => void;
}

/** The images that a build stands on: those that are here first, then the registry's; each looked up once. */
export class BaseImages {
  readonly #options: BaseImagesOptions;
  readonly #found = new Map<string, Promise<StoredImage>>();

  constructor(options: BaseImagesOptions) {
    this.#options = options;
  }

  /** Fault `not-found`, `unavailable` and whatever else a pull may end with. */
  find(name: string, platform: Platform): Promise<StoredImage> {
    const key = `${formatPlatform(platform)} ${name}`;
    const known = this.#found.get(key) ?? this.#find(name, platform);
    this.#found.set(key, known);
    return known;
  }

  async #find(name: string, platform: Platform): Promise<StoredImage> {
    const { images, alwaysPull, onOtherPlatform } = this.#options;
    const here = findBase(images, name, platform);
    const suits = here !== undefined && samePlatform(platformOf(here), platform);
    if (here !== undefined && suits && !(alwaysPull && isPullable(here))) return this.#hold(here);
    const found = await this.#pull(here, { name, platform });
    if (!samePlatform(platformOf(found), platform)) onOtherPlatform(name, platform, platformOf(found));
    return found;
  }

  /** What the registry has; what is here, where the registry has nothing of that name. */
  async #pull(here: StoredImage | undefined, wanted: { name: string; platform: Platform }): Promise<StoredImage> {
    try {
      return await this.#options.pull(parseReference(wanted.name), wanted);
    } catch (error) {
      if (here !== undefined && Fault.is(error, 'not-found')) return this.#hold(here);
      throw here === undefined ? error : ofOtherPlatform(error, here, wanted);
    }
  }

  #hold(image: StoredImage): StoredImage {
    for (const digest of [image.imageId, image.manifestDigest, ...image.chain.map(toDigest)]) {
      this.#options.holder.add(digest);
    }
    return image;
  }
}

/**
 * The image for the platform, else one for another. A few letters that might begin an ID are a name: else a `FROM cafe` would stand on whatever image has an ID that begins
 * so. The twelve digits that `images` shows mean the image.
 */
function findBase(images: Pick<ImageStore, 'find'>, name: string, platform: Platform): StoredImage | undefined {
  const meant = /^[0-9a-f]{1,11}$/.test(name) ? formatReference(parseReference(name)) : name;
  return images.find(meant, { platform }) ?? images.find(meant);
}

/** Why a pull failed, beside what is here: whoever has the image under this name wonders why it was pulled at all. */
function ofOtherPlatform(error: unknown, here: StoredImage, wanted: { name: string; platform: Platform }): unknown {
  const found = platformOf(here);
  if (!Fault.is(error) || error.code === 'cancelled' || samePlatform(found, wanted.platform)) return error;
  const { name, platform } = wanted;
  const message = `${name} is here for ${formatPlatform(found)} only, and is not to be had for ${formatPlatform(platform)}`;
  return new Fault(error.code, `${message}: ${error.message}`, {
    hint: `what is here is used with --platform ${formatPlatform(found)}`,
    cause: error,
  });
}

function platformOf({ config: { os, architecture, variant } }: StoredImage): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** An image that has no name of a registry cannot be asked for. */
function isPullable(image: StoredImage): boolean {
  return image.names.length > 0;
}

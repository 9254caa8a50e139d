import { Fault } from '../errors/index.ts';
import type { ImageStore, StoredImage } from '../image/index.ts';
import { parseReference, toDigest, type Reference } from '../oci/index.ts';
import type { LayerHolder } from '../layer/index.ts';

export interface BaseImagesOptions {
  readonly images: ImageStore;
  readonly holder: LayerHolder;
  /** Ask the registry even for what is here. */
  readonly alwaysPull: boolean;
  readonly pull: (reference: Reference, name: string) => Promise<StoredImage>;
}

/** The images that a build stands on: those that are here first, then the registry's; each looked up once. */
export class BaseImages {
  readonly #options: BaseImagesOptions;
  readonly #found = new Map<string, Promise<StoredImage>>();

  constructor(options: BaseImagesOptions) {
    this.#options = options;
  }

  /** Fault `not-found`, `unavailable` and whatever else a pull may end with. */
  find(name: string): Promise<StoredImage> {
    const known = this.#found.get(name) ?? this.#find(name);
    this.#found.set(name, known);
    return known;
  }

  async #find(name: string): Promise<StoredImage> {
    const { images, holder, alwaysPull, pull } = this.#options;
    const here = images.find(name);
    if (here !== undefined && !(alwaysPull && isPullable(here))) {
      for (const digest of [here.imageId, here.manifestDigest, ...here.chain.map(toDigest)]) holder.add(digest);
      return here;
    }
    try {
      return await pull(parseReference(name), name);
    } catch (error) {
      if (here !== undefined && Fault.is(error, 'not-found')) return here;
      throw error;
    }
  }
}

/** An image that has no name of a registry cannot be asked for. */
function isPullable(image: StoredImage): boolean {
  return image.names.length > 0;
}

import { Fault } from '../errors/index.ts';
import {
  noSuchPlatform,
  pullImage,
  pullIndex,
  saveImages,
  storedOutgoing,
  type PulledImage,
  type StoredImage,
  type StoredIndex,
} from '../image/index.ts';
import type { LayerHolder } from '../layer/index.ts';
import {
  formatReference,
  formatPlatform,
  parsePlatform,
  parseReference,
  samePlatform,
  type Platform,
  type Reference,
} from '../oci/index.ts';
import { copyBetweenPlaces } from './copy-image.ts';
import type { CollectOptions, GarbageCollector } from './garbage-collector.ts';
import { historyRows } from './image-history.ts';
import { inspectImage } from './image-inspect.ts';
import type {
  CopyOptions,
  CopyResult,
  HistoryRow,
  ImageInspect,
  Images,
  ImageSummary,
  ImportOptions,
  LayerPath,
  LayerRow,
  LoadedNames,
  LoadOptions,
  PullOptions,
  PullResult,
  PushOptions,
  PushResult,
  RemovedImage,
  SaveOptions,
  TransferEvent,
} from './images.ts';
import { createdMs, digestsOfNames, shownMembers, summaries } from './image-summaries.ts';
import { importTree } from './import-tree.ts';
import { layerNamed, layerPaths, layerRows } from './layer-listing.ts';
import { omittedLayers } from './omitted-layers.ts';
import { loadArchive } from './load-archive.ts';
import { forgetPushed, formerNames } from './registry/pushed-content.ts';
import { meansName, removeImage } from './remove-image.ts';
import { pushStored } from './push-image.ts';
import { openRegistryClient, unverified } from './registry-client.ts';
import { removeImageIndex } from './remove-image-index.ts';
import type { Store } from './store.ts';
import { transferSum } from './transfer-sum.ts';

export interface LocalImagesOptions {
  readonly collector: GarbageCollector;
  /** Containers that stand on the image: their short IDs. */
  readonly usedBy: (imageId: string) => readonly string[];
}

export interface EnsureOptions {
  readonly pull: 'always' | 'missing' | 'never';
  readonly signal: AbortSignal;
  readonly onProgress: (event: TransferEvent) => void;
  /** False: the registry need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly holder: LayerHolder;
}

export class LocalImages implements Images {
  readonly #store: Store;
  readonly #options: LocalImagesOptions;

  constructor(store: Store, options: LocalImagesOptions) {
    this.#store = store;
    this.#options = options;
  }

  async pull(name: string, options: PullOptions): Promise<PullResult> {
    const reference = parseReference(name);
    using lease = this.#store.state.leases.acquire({ purpose: `pull ${name}` });
    const { image, targetDigest, changed } = await this.#pull(reference, { ...options, holder: lease });
    return { reference: formatReference(reference), digest: targetDigest, imageId: image.imageId, changed };
  }

  /** The image that a container is to be made of, fetched where `pull` says so. */
  async ensure(name: string, options: EnsureOptions): Promise<StoredImage> {
    const here = options.pull === 'always' ? undefined : this.#store.images.find(name);
    if (here !== undefined) return here;
    if (options.pull === 'never') throw this.#missing(name);
    return (await this.#pull(parseReference(name), options)).image;
  }

  /** For a build: fetches the image and reports its bytes. An image for another platform leaves the name what it is. */
  async pullBase(reference: Reference, options: PullBaseOptions): Promise<StoredImage> {
    const onProgress = transferSum(options.onProgress);
    const platform = formatPlatform(options.platform);
    const byDigest = !samePlatform(options.platform, this.#store.platform);
    return (await this.#pull(reference, { ...options, platform, byDigest, onProgress })).image;
  }

  async push(name: string, options: PushOptions): Promise<PushResult> {
    const { images, platform: here } = this.#store;
    const reference = parseReference(name);
    if (reference.digest !== undefined) throw new Fault('invalid', `push ${name}: a digest is no name to push to`);
    const { platform } = options;
    const wanted = platform === undefined ? undefined : parsePlatform(platform, here);
    const stored = (wanted ? undefined : images.findIndex(name)) ?? images.find(name, { platform: wanted });
    if (stored === undefined) throw this.#missing(name);
    if (options.allPlatforms === true && !('members' in stored)) {
      throw new Fault('not-found', `push ${name}: it is the image for one platform, not an index of several`, {
        hint: "'varve pull --all-platforms' and 'varve build --platform A,B' make one",
      });
    }
    return pushStored(this.#store, stored, { reference, options });
  }

  importTar(tar: AsyncIterable<Uint8Array> | URL, options: ImportOptions): Promise<{ readonly imageId: string }> {
    return importTree(this.#store, tar, options);
  }

  load(archive: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<readonly LoadedNames[]> {
    return loadArchive(this.#store, archive, options);
  }

  copy(from: string, to: string, options: CopyOptions): Promise<CopyResult> {
    return copyBetweenPlaces(this.#store, { from, to }, options);
  }

  list(): readonly ImageSummary[] {
    const { images, layers, platform } = this.#store;
    const newest = images.list().toSorted((a, b) => createdMs(b) - createdMs(a));
    const isShown = shownMembers(images.indexes(), platform);
    const digestOf = digestsOfNames(images);
    return newest.flatMap((image) => summaries(image, { layers, isShown, digestOf }));
  }

  inspect(name: string): ImageInspect {
    const { layers, images } = this.#store;
    const index = images.findIndex(name);
    const image = images.find(name) ?? index?.members[0]?.image ?? this.#find(name);
    return inspectImage(image, { layers, index, digestOf: digestsOfNames(images) });
  }

  history(name: string): readonly HistoryRow[] {
    return historyRows(this.#find(name), this.#store.layers);
  }

  layers(name: string): readonly LayerRow[] {
    return layerRows(this.#find(name), this.#store.layers);
  }

  layerTree(name: string, layer: string): Iterable<LayerPath> {
    const image = this.#find(name);
    return layerPaths(image.chain.slice(0, layerNamed(image, layer)), this.#store.layers);
  }

  tag(source: string, target: string): void {
    const { images } = this.#store;
    images.tag(images.findIndex(source)?.digest ?? this.#find(source).imageId, parseReference(target));
  }

  remove(name: string, options: { readonly force: boolean }): readonly RemovedImage[] {
    const { collector, usedBy } = this.#options;
    const { images } = this.#store;
    const index = images.findIndex(name);
    const former = formerNames(index ?? this.#find(name));
    const removing = {
      images,
      usedBy,
      force: options.force,
      collector: {
        collect: (how: CollectOptions) => {
          forgetPushed(this.#store, former);
          return collector.collect(how);
        },
      },
    };
    return index === undefined
      ? removeImage(this.#find(name), name, removing)
      : removeImageIndex(index, name, removing);
  }

  async save(names: readonly string[], options: SaveOptions): Promise<void> {
    const { blobs, layers, images, state } = this.#store;
    const { format, write, signal, since = [] } = options;
    using lease = state.leases.acquire({ purpose: `save ${names.join(' ')}` });
    const outgoing = names.map((name) => storedOutgoing(this.#named(name), blobs));
    const omitted = omittedLayers(
      names.map((name) => this.#named(name)),
      since.map((name) => this.#named(name)),
    );
    await saveImages(outgoing, { blobs, layers, images, holder: lease, to: { format, write }, omitted, signal });
  }

  async #pull(reference: Reference, options: RemotePullOptions): Promise<PulledImage> {
    const { blobs, layers, images, state, platform } = this.#store;
    using client = openRegistryClient(this.#store, { insecure: unverified(reference, options) });
    const { signal, holder, onProgress } = options;
    const pull = options.allPlatforms === true ? pullIndex : pullImage;
    return pull(
      client.repository(reference),
      { blobs, layers, images, locks: state.locks },
      {
        name: reference,
        platform: options.platform === undefined ? platform : parsePlatform(options.platform, platform),
        holder,
        signal,
        byDigest: options.byDigest ?? false,
        onEvent: (event) =>
          onProgress(event.kind === 'resolved' ? { ...event, reference: formatReference(reference) } : event),
      },
    );
  }

  #find(name: string): StoredImage {
    const image = this.#store.images.find(name);
    if (image === undefined) throw this.#missing(name);
    return image;
  }

  #missing(name: string): Fault {
    const index = this.#store.images.findIndex(name);
    return index === undefined ? noSuchImage(name) : noSuchPlatform(name, this.#store.platform, index);
  }

  /** The image or index with the one name that was asked for; by an ID it is saved with none. */
  #named(name: string): StoredImage | StoredIndex {
    const image = this.#store.images.findIndex(name) ?? this.#find(name);
    return { ...image, names: image.names.filter((each) => meansName(name, each)) };
  }
}

interface PullBaseOptions {
  readonly platform: Platform;
  readonly tlsVerify?: boolean;
  readonly signal: AbortSignal;
  readonly holder: LayerHolder;
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

interface RemotePullOptions extends Pick<PullOptions, 'signal' | 'onProgress' | 'allPlatforms' | 'tlsVerify'> {
  readonly platform?: string;
  readonly byDigest?: boolean;
  readonly holder: LayerHolder;
}

export function noSuchImage(name: string): Fault {
  return new Fault('not-found', `no such image: ${name}`, { hint: "'varve images' lists those that are here" });
}

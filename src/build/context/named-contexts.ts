import type { StoredImage } from '../../image/index.ts';
import { formatPlatform, type Platform } from '../../oci/index.ts';
import { once } from '../../std/index.ts';
import type { BaseImages } from '../lowering/base-images.ts';
import type { ContextPorts } from './build-context.ts';
import { openContext } from './context-tree.ts';
import { contextKey, parseNamedContexts, type LayoutPlace, type NamedContext } from './named-context.ts';
import { openRemoteTree } from '../source/remote-tree.ts';
import type { OpenSource } from '../source/source-tree.ts';

/** What stands in the place of a stage or an image. */
export type NamedSource =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'image'; readonly image: StoredImage }
  | { readonly kind: 'tree'; readonly open: OpenSource };

/** What is named with `--build-context`. */
export interface NamedSources {
  /**
   * What the Dockerfile means by a name, if that was said on the command line: it goes before a stage of this name, and
   * before an image. Images are looked up, trees not before they are opened.
   */
  find(name: string, platform: Platform): Promise<NamedSource | undefined>;
}

export interface NamedContextsOptions {
  readonly ports: ContextPorts;
  readonly images: Pick<BaseImages, 'find'>;
  readonly pullLayout: (place: LayoutPlace, platform: Platform) => Promise<StoredImage>;
  readonly signal: AbortSignal;
}

/** The named contexts of a build: each opened once, when it is first asked for, and closed with the build. */
export class NamedContexts implements NamedSources, Disposable {
  readonly #contexts: ReadonlyMap<string, NamedContext>;
  readonly #options: NamedContextsOptions;
  readonly #trees = new Map<string, OpenSource>();
  readonly #layouts = new Map<string, Promise<StoredImage>>();
  readonly #stack = new DisposableStack();

  constructor(given: ReadonlyMap<string, string>, options: NamedContextsOptions) {
    this.#contexts = parseNamedContexts(given);
    this.#options = options;
  }

  async find(name: string, platform: Platform): Promise<NamedSource | undefined> {
    if (this.#contexts.size === 0) return undefined;
    const key = contextKey(name) ?? '';
    const context = this.#contexts.get(key);
    if (context === undefined) return undefined;
    switch (context.kind) {
      case 'nothing':
        return { kind: 'nothing' };
      case 'image':
        return { kind: 'image', image: await this.#options.images.find(context.name, platform) };
      case 'layout':
        return { kind: 'image', image: await this.#layout(key, context, platform) };
      case 'directory':
      case 'remote':
        return { kind: 'tree', open: this.#tree(key, context) };
    }
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #layout(key: string, place: LayoutPlace, platform: Platform): Promise<StoredImage> {
    const wanted = `${key} ${formatPlatform(platform)}`;
    const pulled = this.#layouts.get(wanted) ?? this.#options.pullLayout(place, platform);
    this.#layouts.set(wanted, pulled);
    return pulled;
  }

  #tree(key: string, context: NamedContext & { readonly kind: 'directory' | 'remote' }): OpenSource {
    const open =
      this.#trees.get(key) ??
      (context.kind === 'directory' ? this.#directory(context.path) : this.#remote(context.url));
    this.#trees.set(key, open);
    return open;
  }

  #directory(dir: string): OpenSource {
    const opened = once(() => this.#stack.use(openContext({ dir })));
    return async () => opened().source(this.#options.ports);
  }

  #remote(url: string): OpenSource {
    const { ports, signal } = this.#options;
    const fetched = once(async () => this.#stack.use(await openRemoteTree(url, { ports, signal })));
    return async (waiting) => (await fetched()).open(waiting);
  }
}

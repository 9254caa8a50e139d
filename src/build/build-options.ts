import type { BuildEvent } from './build-event.ts';

/** What `varve build` is asked to do. Fields mean what the flags of `docker buildx build` of the same name mean. */
export interface BuildOptions {
  /** The context: a directory. */
  readonly contextDir: string;
  /** Path of the Dockerfile; default `Dockerfile` in the context. */
  readonly file?: string;
  /** Names for the result. */
  readonly tags: readonly string[];
  /** `--build-arg NAME=VALUE`, environment already looked up for those without a value. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly target?: string;
  /** Run every step again. */
  readonly noCache: boolean;
  /** Ask the registry for the bases even if they are here. */
  readonly pull: boolean;
  readonly network: 'default' | 'host' | 'none';
  readonly labels: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  /** Called in order, never at the same time; must not throw. */
  readonly onEvent: (event: BuildEvent) => void;
}

export interface BuildResult {
  /** Config digest. */
  readonly imageId: string;
  readonly manifestDigest: string;
  /** The names that now mean this image, in full form. */
  readonly names: readonly string[];
}

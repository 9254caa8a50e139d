import type { RegistryContent } from '../../registry-server/index.ts';

/**
 * A store as the content of a registry, for as long as it is open. Names and manifests are those of the store at every
 * moment, whoever changes them; uploads belong to this registry and end with it.
 */
export interface Registry extends RegistryContent, Disposable {}

export interface RegistryOptions {
  /** Registries whose names count as this one's too, such as the address that it is reached at: `localhost:5000`. */
  readonly hosts: readonly string[];
  /** How layers leave that are here as tars only; compressed once, and then kept. */
  readonly compression: 'uncompressed' | 'gzip' | 'zstd';
  /** Told what a person may want to know: why an image that was pushed cannot run. */
  readonly onWarning: (message: string) => void;
}

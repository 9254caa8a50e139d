import type { Digest, Reference } from '../../oci/index.ts';

/** A place that has a shared cache, or is to have one: what `--cache-from` and `--cache-to` name. */
export type CachePlace = RegistryCachePlace | LocalCachePlace;

export interface RegistryCachePlace {
  readonly kind: 'registry';
  readonly reference: Reference;
}

/** An OCI layout. */
export interface LocalCachePlace {
  readonly kind: 'local';
  readonly folder: string;
  readonly tag: string;
  /** Which manifest it is, whatever the tag says. */
  readonly digest: Digest | undefined;
}

/** What `--cache-to` asks for. */
export type CacheExport = CacheExportTo | InlineCacheExport;

export interface CacheExportTo {
  readonly kind: 'place';
  readonly place: CachePlace;
  /** Whose layers: `min`: those of the images that are made; `max`: those of every stage that was needed. */
  readonly mode: 'min' | 'max';
  /** A place that cannot be written is a warning. */
  readonly ignoresErrors: boolean;
  readonly compression: CacheCompression;
}

/** The steps of the image, in its own manifest. */
export interface InlineCacheExport {
  readonly kind: 'inline';
}

export interface CacheCompression {
  readonly kind: 'uncompressed' | 'gzip' | 'zstd';
  readonly level: number | undefined;
  /** Also layers whose compressed form, as it was pulled, is here. */
  readonly isForced: boolean;
}

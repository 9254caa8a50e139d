import type { Annotation } from './output-annotations.ts';

/**
 * Where a build's result goes: what `--output` says. Fields mean what the attributes of `docker buildx build --output`
 * of the same name mean.
 *
 * - `local`: the tree, written into a folder.
 * - `tar`: the tree as one tar.
 * - `oci`: the image as an OCI layout, in an archive or a folder.
 * - `docker`: the image as an archive for `docker load`; without `dest`, an image of this store.
 * - `image`: an image of this store.
 */
export type BuildOutput = LocalOutput | TarOutput | OciOutput | DockerOutput | ImageOutput;

export interface LocalOutput {
  readonly kind: 'local';
  readonly dest: string;
  /** A folder for each platform; where it is not said, if there are several. */
  readonly platformSplit: boolean | undefined;
}

export interface TarOutput {
  readonly kind: 'tar';
  /** `-` is standard output. */
  readonly dest: string;
  readonly platformSplit: boolean | undefined;
}

export interface OciOutput extends PackedOutput {
  readonly kind: 'oci';
  /** A file, `-` for standard output; a folder where `tar` is false. */
  readonly dest: string;
  readonly tar: boolean;
}

export interface DockerOutput extends NamedOutput {
  readonly kind: 'docker';
  /** A file, `-` for standard output. */
  readonly dest: string | undefined;
}

export interface ImageOutput extends NamedOutput {
  readonly kind: 'image';
}

export interface NamedOutput {
  /** Beside those that `-t` gives. */
  readonly names: readonly string[];
  readonly annotations: readonly Annotation[];
}

export interface PackedOutput extends NamedOutput {
  readonly compression: OutputCompression;
}

/** How layers are written. What was pulled compressed is passed on as it came, unless it is `forced`. */
export interface OutputCompression {
  readonly kind: 'uncompressed' | 'gzip' | 'zstd';
  /** Undefined: the default of the kind. */
  readonly level: number | undefined;
  readonly forced: boolean;
}

import type { Platform } from '../oci/index.ts';

/** One `--annotation`: where it is written, and for which platform if not for all. */
export interface Annotation {
  readonly place: AnnotationPlace;
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

export type AnnotationPlace = 'manifest' | 'manifestDescriptor' | 'index' | 'indexDescriptor';

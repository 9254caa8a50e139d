/**
 * Images and their names: what is stored whole, how it gets here, what it is made of. Knows no containers and no builds.
 */
export type { AddOptions, ImageStore, StoredImage } from './image-store.ts';

import { defined, type ImageConfig, type Platform } from '../oci/index.ts';

/** What an image says that it is for. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return defined({ os, architecture, variant });
}

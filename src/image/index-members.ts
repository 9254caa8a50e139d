import { isImageManifestType, type Descriptor } from '../oci/index.ts';

/**
 * True for what can be an image of an index. BuildKit lists what it has to say of one (provenance, a bill of materials) beside
 * it, as a manifest for the platform `unknown/unknown`; artifacts say their type.
 */
export function isImageMember({ mediaType, platform, artifactType }: Descriptor): boolean {
  return isImageManifestType(mediaType) && platform?.os !== 'unknown' && artifactType === undefined;
}

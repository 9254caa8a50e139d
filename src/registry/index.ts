/**
 * Where images come from and go to: registries over the distribution protocol, and OCI layouts in archives, behind
 * one contract, `Remote`. Knows how to fetch and how to check what was sent; knows no store and no mounted layer.
 */
export type { BlobOptions, Remote, RemoteManifest, WaitOptions } from './remote.ts';
export type {
  BlobContent,
  GrowingContent,
  PutBlobOptions,
  PutManifestOptions,
  ReferrersOptions,
  RemoteListing,
  RemoteTarget,
} from './remote-target.ts';
export { resolveImage } from './resolve-image.ts';
export type { ResolvedImage, ResolveOptions } from './resolve-image.ts';
export { archiveMembers, insideArchive } from './archive-stream.ts';
export type { ArchiveMember } from './archive-stream.ts';
export { parseDockerArchiveManifest } from './docker-archive-manifest.ts';
export type { DockerArchiveEntry } from './docker-archive-manifest.ts';
export type { LayoutTarget } from './layout-target.ts';
export { openArchiveTarget } from './oci-archive-target.ts';
export { openDirectoryTarget } from './oci-directory-target.ts';
export { readElsewhere } from './read-elsewhere.ts';
export { readBlob, verifiedBlob } from './verified-blob.ts';
export { RegistryClient } from './registry-client.ts';
export type { RegistryClientOptions } from './registry-client.ts';
export type { CredentialProvider, Credentials } from './authorizer.ts';
export type { CredentialPlaces, CredentialStore, SavedPlace } from './credential-store.ts';
export { openRegistryAccess } from './registry-access.ts';
export type { RegistryAccess } from './registry-access.ts';
export { openLayoutArchive, openLayoutDirectory } from './oci-layout.ts';
export type { OciLayout } from './oci-layout.ts';
export { writeDockerArchive } from './docker-archive.ts';
export type { DockerArchiveImage } from './docker-archive.ts';
export type { LayoutBlob, LayoutContent, LayoutImage, LayoutParts } from './layout-content.ts';
export { writeOciArchive } from './oci-archive.ts';
export { writeOciDirectory, writeWhole } from './oci-directory.ts';

/**
 * ARGs that every RUN may be given without a declaration, so that a build works behind a proxy. Unless a file declares
 * them, they stand in no history and in no key.
 */
export const proxyArgNames: readonly string[] = [
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'FTP_PROXY',
  'ftp_proxy',
  'NO_PROXY',
  'no_proxy',
  'ALL_PROXY',
  'all_proxy',
];

/** ARGs that the platform of a build sets: FROM sees them as they are, a stage once it has declared them. */
export const platformArgNames: readonly string[] = [
  'BUILDPLATFORM',
  'BUILDOS',
  'BUILDARCH',
  'BUILDVARIANT',
  'TARGETPLATFORM',
  'TARGETOS',
  'TARGETARCH',
  'TARGETVARIANT',
  'TARGETSTAGE',
];

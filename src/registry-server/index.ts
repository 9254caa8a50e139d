/**
 * The OCI distribution specification 1.1 from the side of the registry: what each request is answered with. Knows no
 * sockets, no credentials and no store: requests and answers are values, and what is served comes through a port.
 */
export { answerRequest } from './answer-request.ts';
export type { RegistryOptions } from './answer-request.ts';
export { errorAnswer, faultAnswer } from './protocol-error.ts';
export type { ErrorCode } from './protocol-error.ts';
export type { RegistryAnswer, RegistryRequest } from './exchange.ts';
export type {
  ByteRange,
  ManifestName,
  PutManifest,
  RegistryContent,
  ServedBlob,
  ServedManifest,
  StoredManifestResult,
} from './registry-content.ts';
export type { Upload } from './upload.ts';

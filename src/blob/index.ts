/**
 * Content by digest, and content that is still on its way. Knows nothing of what the bytes mean.
 */
export type {
  BlobHolder,
  BlobInfo,
  BlobStore,
  BlobWriter,
  CommitOptions,
  Committed,
  Ingest,
  PutOptions,
  WriterOptions,
} from './blob-store.ts';
export { openBlobStore } from './directory-blob-store.ts';
export { strayBlobFiles } from './stray-files.ts';

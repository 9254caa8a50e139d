/**
 * The use cases of varve as plain values: what every face (terminal, API, browser, library) is made of.
 */
export type {
  BuildCheckOptions,
  BuildEvent,
  BuildOptions,
  BuildResult,
  CheckedBuild,
  Entitlement,
  PlannedStep,
} from '../build/index.ts';
export type { ExtraHost, RunSettings, SecretSource, SshSource } from '../build/index.ts';
export type { CacheExportOptions, CacheImportOptions, Caches, CacheSummary } from './caches.ts';
export type {
  CommitOptions,
  ContainerChange,
  ContainerCreated,
  ContainerInspect,
  ContainerOptions,
  Containers,
  ContainerSession,
  ContainerSummary,
  LogLine,
  LogsOptions,
  RemoveOptions,
  StartOptions,
  TerminalSize,
} from './containers.ts';
export type { ContextListOptions, ContextRow, ContextRule } from './context-listing.ts';
export type { Engine } from './engine.ts';
export { writeWholeFile } from '../host/index.ts';
export type { WriteChunk } from '../host/index.ts';
export { LocalEngine } from './local-engine.ts';
export type { Registry, RegistryOptions } from './registry/registry.ts';
export type {
  LoginOptions,
  LoginResult,
  Referrer,
  ReferrersOptions,
  Registries,
  RegistryAccessOptions,
  RegistryManifest,
} from './registries.ts';
export type { Store } from './store.ts';
export type {
  CopyOptions,
  CopyResult,
  HistoryRow,
  ImageInspect,
  Images,
  ImageSummary,
  ImportOptions,
  LayerPath,
  LayerRow,
  LoadedNames,
  LoadOptions,
  PullOptions,
  PullResult,
  PushOptions,
  PushProgress,
  PushResult,
  RemovedImage,
  SaveOptions,
  TransferEvent,
} from './images.ts';
export type {
  CheckFinding,
  CheckOptions,
  CheckReport,
  PruneOptions,
  PruneReport,
  System,
  SystemInfo,
  UsageKind,
  UsageRow,
} from './system.ts';

/**
 * Containers as processes: the OCI bundle of one, and the programs that run it. Knows neither images nor layers nor
 * where a root file system comes from; it is handed one that is mounted.
 */
export { runAttached } from './attached-run.ts';
export type { AttachedContainer, AttachedRunOptions, AttachedStart } from './attached-run.ts';
export { parseBindOption } from './bind-option.ts';
export type { BindOption } from './bind-option.ts';
export { openBindSource } from './bind-source.ts';
export type { BindSource, BindSourceOptions } from './bind-source.ts';
export { writeBundle } from './bundle.ts';
export { allCapabilities, changedCapabilities, defaultCapabilities } from './capabilities.ts';
export type { CapabilityChanges } from './capabilities.ts';
export { conmonMonitor } from './conmon-monitor.ts';
export type { ConmonOptions } from './conmon-monitor.ts';
export { formatLogTime } from './container-log.ts';
export type { LogRecord } from './container-log.ts';
export type { CdiDevice } from './cdi/cdi-device.ts';
export { cdiOptions } from './cdi/cdi-options.ts';
export type { CdiOptions } from './cdi/cdi-options.ts';
export { cdiFolders, readCdi } from './cdi/cdi-registry.ts';
export type { CdiRegistry } from './cdi/cdi-registry.ts';
export { containerSpec, initPath } from './container-spec.ts';
export type {
  ContainerCgroup,
  ContainerDevice,
  ContainerLimits,
  ContainerMount,
  ContainerNetwork,
  ContainerSpecOptions,
  MountPropagation,
  MountRestriction,
  SeccompFilter,
} from './container-options.ts';
export { etcFiles, writeEtcFiles } from './etc-files.ts';
export type { EtcFiles, EtcFilesOptions } from './etc-files.ts';
export { readLog } from './log-reader.ts';
export type { ReadLogOptions } from './log-reader.ts';
export type {
  AttachedOutput,
  Attachment,
  Monitor,
  MonitoredCreation,
  MonitorOptions,
  TerminalSize,
} from './monitor.ts';
export { monitorProcess } from './monitor-process.ts';
export { mountTargets, prepareMountpoints, removeStubs } from './mountpoints.ts';
export type { MountStub, MountTarget } from './mountpoints.ts';
export type {
  ContainerOutcome,
  ContainerState,
  CreationFailure,
  NotStarted,
  OciRuntime,
  RunContainerOptions,
} from './oci-runtime.ts';
export { resolveUser } from './rootfs-user.ts';
export type { PassedOver, Runtimes } from './runtimes.ts';
export type * from './runtime-spec.ts';
export { parseSeccompProfile, resolveSeccomp, seccompProfilePaths } from './seccomp-profile.ts';
export type { SeccompProfile, SeccompTarget } from './seccomp-profile.ts';
export { loadSeccomp } from './seccomp-source.ts';
export { systemRuntimes } from './system-runtimes.ts';
export type { RuntimesOptions } from './system-runtimes.ts';
export { signalNumber } from './signal-number.ts';
export { findUser } from './user.ts';
export type { ContainerUser, UserDatabase } from './user.ts';

/**
 * Containers as processes: the OCI bundle of one, and the programs that run it. Knows neither images nor layers nor
 * where a root file system comes from; it is handed one that is mounted.
 */
export { parseBindOption } from './bind-option.ts';
export type { BindOption } from './bind-option.ts';
export { allCapabilities, capabilitiesOfMask, changedCapabilities, defaultCapabilities } from './capabilities.ts';
export type { CapabilityChanges } from './capabilities.ts';
export { containerSpec, initPath } from './container-spec.ts';
export type {
  ContainerCgroup,
  ContainerLimits,
  ContainerMount,
  ContainerNetwork,
  ContainerSpecOptions,
  MountPropagation,
} from './container-spec.ts';
export type * from './runtime-spec.ts';
export { parseSeccompProfile, resolveSeccomp, seccompProfilePaths } from './seccomp-profile.ts';
export type { SeccompProfile, SeccompTarget } from './seccomp-profile.ts';
export { findUser } from './user.ts';
export type { ContainerUser, UserDatabase } from './user.ts';

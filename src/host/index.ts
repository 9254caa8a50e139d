/**
 * The kernel and process port: mounts, exact file facts, confined trees, locks, processes, and what the machine can do.
 * All of varve that calls the kernel past Node or starts a program is here.
 *
 * It does not know what a layer, an image or a container is, reads no environment, and changes nothing of the process
 * itself (no umask, no working directory, no namespace), but for the instant of a start (`hiddenMounts`). All calls are
 * synchronous except those that wait.
 */
export { ErrnoError, errnoOf, faulting, nodeFault } from './errno.ts';
export { lstat, statAt, statFd } from './file-status.ts';
export type { FileStatus, FileType } from './file-status.ts';
export { openFileAt, readlinkAt } from './directory-entry.ts';
export type { SpecialFile } from './directory-entry.ts';
export { xattrAt, xattrsAt, xattrsOfFd } from './xattrs.ts';
export type { Xattrs } from './xattrs.ts';
export { Tree } from './tree.ts';
export { setRootStatus } from './tree-root-status.ts';
export type { RootStatus } from './tree-root-status.ts';
export { setRootTimes } from './tree-root-times.ts';
export type { WalkEntry, WalkOptions } from './tree-walk.ts';
export { overlayDefaults } from './mounts.ts';
export type { BindOptions, DetachedMount, ErofsSource, MountInfo, Mounts, OverlaySource } from './mounts.ts';
export { linuxMounts } from './linux-mounts.ts';
export { isLocked, Lock, lock, tryLock } from './lock.ts';
export type { LockMode, LockOptions } from './lock.ts';
export { killProcess, spawnProcess } from './process.ts';
export type { ExitStatus, Process, SpawnOptions, Stdio } from './process.ts';
export { BackgroundWriter } from './background-writer.ts';
export { run } from './run.ts';
export type { RunOptions, RunResult } from './run.ts';
export { emulatorFor } from './binfmt.ts';
export { bootId, processAlive, processStartTime } from './process-identity.ts';
export { defaultSearchPath, findExecutable } from './executable.ts';
export { beginWriteback, copyRange, dataExtents, punchHole } from './file-data.ts';
export type { CopyRange, DataExtent } from './file-data.ts';
export { openPipe } from './pipe.ts';
export { processesWithOpen } from './open-files.ts';
export { passBytes } from './passing-bytes.ts';
export { renameNew, syncFileSystem, syncPath } from './publish.ts';
export { expectGroupMove } from './group-move.ts';
export { makeFolders } from './make-folders.ts';
export { temporaryNeighbour, writeWholeFile } from './write-file.ts';
export type { WriteChunk } from './write-file.ts';
export { fileSystemOf } from './file-system.ts';
export type { FileSystemFacts } from './file-system.ts';
export { connectSeqpacket, SeqpacketSocket } from './seqpacket.ts';
export { compileSyscallFilter } from './seccomp-compiler.ts';
export type { SyscallCondition, SyscallFilter, SyscallProgram, SyscallRule } from './seccomp-compiler.ts';
export { cgroupLayout } from './cgroups.ts';
export type { CgroupLayout } from './cgroups.ts';
export { privileges, resourceLimits } from './privileges.ts';
export type { Privileges, ResourceLimit } from './privileges.ts';
export { kernelVersion, machineFacts } from './machine.ts';
export type { KernelVersion, MachineFacts } from './machine.ts';

import type { ByteString } from '../std/index.ts';

/**
 * Mounting, as a port: the rest of varve says what it wants mounted, tests put a failing twin in between.
 *
 * A mount is made in two steps. First it exists *detached*: a descriptor, reachable through `path`, in no directory of
 * anybody, gone with the descriptor or with the process, however it ends. Then it may be attached to a directory, where it
 * stays until it is unmounted. What a detached mount was built from (layers below an overlay) may be closed once it stands.
 *
 * Paths are text and absolute, of any length that the kernel takes (fsconfig's limit of 255 bytes does not show). Every
 * failure is a Fault by the kernel's errno with what the kernel logged about it; where a filesystem type or an option is not
 * to be had it is `unsupported`, without the privilege `denied`. After a failure nothing is mounted. Calls do not wait.
 */
export interface Mounts {
  /** An EROFS image from plain files, read-only. ENOTBLK: its filesystem or the kernel cannot mount from a file. */
  erofs(source: ErofsSource): DetachedMount;
  /**
   * Merged directories, with a writable one on top where `upper` and `work` are given, else read-only. Before Linux 6.15 a
   * detached mount can be part of one overlay only.
   */
  overlay(source: OverlaySource): DetachedMount;
  /** What is at `source` (a path, or a descriptor that pins what was opened) once more, without its submounts unless `recursive`. */
  bind(source: string | number, options?: BindOptions): DetachedMount;
  /** A filesystem in memory of at most this size, its root with this mode (octal, 0o755 unless given). */
  tmpfs(options: { readonly sizeBytes: number; readonly mode?: number }): DetachedMount;
  /**
   * Makes a detached mount appear at `target`, an existing directory, or file for a bind of a file. Its descriptor stays
   * open and counts as a use of it: close it, or unmounting is `conflict`.
   */
  attach(mount: DetachedMount, target: string): void;
  /** Unmounts what is topmost at `target`. In use is `conflict`, unless `detach`: then it disappears now and ends with its last user. */
  unmount(target: string, options?: { readonly detach: boolean }): void;
  /** All mounts of this process's namespace, parents before children. */
  list(): MountInfo[];
}

export interface ErofsSource {
  /** The file with the metadata. */
  readonly image: string;
  /**
   * The files that its device table names, in the order of the table. Another number of them is EINVAL; but the kernel
   * takes none at all for an image that needs some, and then reads zeros: leave none out.
   */
  readonly devices: readonly string[];
}

export interface OverlaySource {
  /** Directories or detached mounts, the topmost first (as overlay's own `lowerdir=` has them). At least one. */
  readonly lower: readonly (DetachedMount | string)[];
  /** The directory that takes what is written; empty, or one that was upper on the same lower ones before. */
  readonly upper?: string;
  /** An empty directory on the same filesystem as `upper`; given exactly when `upper` is. */
  readonly work?: string;
  /** Options of overlayfs beside or instead of `overlayDefaults`; '' for one that takes no value. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface BindOptions {
  readonly recursive?: boolean;
  readonly readOnly?: boolean;
}

/** A mount as a descriptor (close-on-exec). `close` ends it unless it is attached or in use; further calls do nothing. */
export interface DetachedMount extends Disposable {
  readonly fd: number;
  /** Leads to its root while it is open, for this process: `/proc/self/fd/N`. */
  readonly path: string;
  close(): void;
}

/** One line of /proc/self/mountinfo, proc_pid_mountinfo(5), the octal escapes undone. */
export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** The directory of the filesystem that is mounted here. */
  readonly root: ByteString;
  /** Where it is attached. */
  readonly target: ByteString;
  readonly options: readonly string[];
  /** `shared:N`, `master:N`, `propagate_from:N`, `unbindable`. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: ByteString;
  readonly superOptions: readonly ByteString[];
}

/**
 * What a layer's overlay needs: no record of renames or metadata-only copies that a reader of `upper` would miss, no
 * index that ties it to its lower ones, and one st_dev over all layers.
 */
export const overlayDefaults: Readonly<Record<string, string>> = {
  redirect_dir: 'off',
  metacopy: 'off',
  index: 'off',
  xino: 'on',
};

import { closeSync, fstatSync, mkdirSync, openSync, rmdirSync, unlinkSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';
import type { Mounts } from '../host/index.ts';

/** A file or directory of the host as a mount of its own, which nobody can swap for something else. */
export interface BindSource extends Disposable {
  readonly kind: 'dir' | 'file';
  /** For `ContainerMount`: where it is mounted. */
  readonly source: string;
  /** To be called once the container has been created, whose mount stays. Further calls do nothing. */
  close(): void;
}

export interface BindSourceOptions {
  readonly mounts: Mounts;
  /** A path that is not there yet, in a directory which only we can change; made here and removed by `close`. */
  readonly place: string;
}

/**
 * Opens what is at `path`, links followed, and mounts that at `place`, with what is mounted below it. The descriptor
 * itself would not do as a source: the kernel binds only mounts of the runtime's own mount namespace. A
 * process that dies before `close` leaves the mount at `place`.
 *
 * Fault `not-found` where there is nothing at `path`.
 */
export function openBindSource(path: string, { mounts, place }: BindSourceOptions): BindSource {
  const fd = open(path);
  try {
    const kind = fstatSync(fd).isDirectory() ? 'dir' : 'file';
    makePlace(place, kind);
    try {
      using detached = mounts.bind(fd, { recursive: true });
      mounts.attach(detached, place);
    } catch (error) {
      removePlace(place, kind);
      throw error;
    }
    return attached(kind, { mounts, place });
  } catch (error) {
    throw Fault.wrap(`mount ${path} into the container`, error);
  } finally {
    closeSync(fd);
  }
}

function attached(kind: BindSource['kind'], { mounts, place }: BindSourceOptions): BindSource {
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    mounts.unmount(place, { detach: true });
    removePlace(place, kind);
  };
  return { kind, source: place, close, [Symbol.dispose]: close };
}

/** O_PATH, which Node has no name for: names a thing without opening it, so that a device or FIFO is not touched. */
const pathOnly = 0o10000000;

function open(path: string): number {
  try {
    return openSync(path, pathOnly);
  } catch (error) {
    const code = errnoOf(error) === 'ENOENT' ? 'not-found' : 'invalid';
    const reason = code === 'not-found' ? 'there is no such file or directory' : String(errnoOf(error));
    throw new Fault(code, `mount ${path} into the container: ${reason}`, { cause: error });
  }
}

function makePlace(place: string, kind: BindSource['kind']): void {
  if (kind === 'dir') mkdirSync(place, { mode: 0o700 });
  else closeSync(openSync(place, 'wx', 0o600));
}

/** Neither call removes anything but an empty place: what is mounted there by accident is busy. */
function removePlace(place: string, kind: BindSource['kind']): void {
  if (kind === 'dir') rmdirSync(place);
  else unlinkSync(place);
}

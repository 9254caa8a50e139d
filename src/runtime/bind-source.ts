import { closeSync, fstatSync, openSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { errnoOf } from '../host/index.ts';

/** A file or directory of the host, held open so that what is mounted is what was looked at, whatever is renamed meanwhile. */
export interface BindSource extends Disposable {
  readonly kind: 'dir' | 'file';
  /** For `ContainerMount`: leads to what was opened, for every process, until this is closed. */
  readonly source: string;
  /** To be called once the container has been created (the mount keeps what it holds). Further calls do nothing. */
  close(): void;
}

/** Opens what is at `path`, links followed. Fault `not-found` where there is nothing. */
export function openBindSource(path: string): BindSource {
  let fd = open(path);
  const kind = fstatSync(fd).isDirectory() ? 'dir' : 'file';
  const close = (): void => {
    if (fd >= 0) closeSync(fd);
    fd = -1;
  };
  return { kind, source: `/proc/${process.pid}/fd/${fd}`, close, [Symbol.dispose]: close };
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

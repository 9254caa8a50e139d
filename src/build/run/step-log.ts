import { hash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faulting, tryLock } from '../../host/index.ts';
import { bytesOf } from '../../std/index.ts';

export interface StepLogOptions {
  /** The vertex's: names the step from build to build. */
  readonly slot: string;
  /** The instruction, for who reads the file. */
  readonly label: string;
}

/**
 * All that a step's command writes: a first line `# RUN make`, then the bytes of both streams as they came. It takes the
 * place of what the same step wrote before, so that the folder holds one file for each step that ever ran.
 *
 * The file is there from the beginning and stays after the end. While it is open it is locked, so that who tidies up
 * leaves it alone. Of two builds that run the same step at once, each writes a file of its own; the later has the name.
 *
 * Everything is synchronous. A full disk is a Fault `exhausted`, and the file then gives back what it took: it may be
 * the reason.
 */
export class StepLog implements Disposable {
  readonly path: string;
  readonly #fd: number;
  readonly #held: Disposable;

  private constructor(path: string, fd: number, held: Disposable) {
    this.path = path;
    this.#fd = fd;
    this.#held = held;
  }

  static open(folder: string, { slot, label }: StepLogOptions): StepLog {
    const path = StepLog.pathOf(folder, slot);
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    faulting('create', bytesOf(folder), () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    using held = new DisposableStack();
    held.use(tryLock(temporary, 'exclusive'));
    return faulting('write', bytesOf(path), () => {
      try {
        const fd = held.adopt(openSync(temporary, 'a', 0o600), closeSync);
        writeFileSync(fd, `# ${label.replaceAll(/\s+/g, ' ')}\n`);
        renameSync(temporary, path);
        return new StepLog(path, fd, held.move());
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    });
  }

  /** Where the file of this step is, or will be. */
  static pathOf(folder: string, slot: string): string {
    return join(folder, `${hash('sha256', slot, 'hex').slice(0, 32)}.log`);
  }

  write(bytes: Uint8Array): void {
    try {
      faulting('write', bytesOf(this.path), () => writeFileSync(this.#fd, bytes));
    } catch (error) {
      ftruncateSync(this.#fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]();
  }
}

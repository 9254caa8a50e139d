import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = '/proc/sys/fs/binfmt_misc';

/**
 * Programs for arm64 run through QEMU as long as this is not disposed of, as on a machine where Debian's
 * qemu-user-static has registered itself. What was registered before is left alone.
 */
export class Arm64Emulation implements Disposable {
  readonly #undo: (() => void)[] = [];

  /** Undefined where the machine does not let one be registered. */
  static start(): Arm64Emulation | undefined {
    const emulation = new Arm64Emulation();
    try {
      emulation.#register();
      return emulation;
    } catch {
      emulation[Symbol.dispose]();
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.toReversed()) undo();
  }

  #register(): void {
    if (!existsSync(join(folder, 'register'))) {
      const { status } = spawnSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', folder]);
      if (status !== 0) throw new Error('mount binfmt_misc');
      this.#undo.push(() => void spawnSync('umount', [folder]));
    }
    const entry = join(folder, 'qemu-aarch64');
    if (existsSync(entry)) return;
    writeFileSync(join(folder, 'register'), readFileSync('/usr/lib/binfmt.d/qemu-aarch64.conf'));
    this.#undo.push(() => writeFileSync(entry, '-1'));
  }
}

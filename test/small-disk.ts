import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A filesystem of its own, mounted at a folder until it is disposed of. */
export class TestMount implements Disposable {
  readonly target: string;

  constructor(target: string) {
    this.target = target;
  }

  static tmpfs(target: string, sizeMiB: number): TestMount {
    return TestMount.#mount(target, ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=700`, 'tmpfs']);
  }

  /** An ext4 in a file beside the folder. */
  static ext4(target: string, sizeMiB: number): TestMount {
    const image = `${target}.ext4`;
    writeFileSync(image, '');
    truncateSync(image, sizeMiB * 1024 * 1024);
    run('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
    const mounted = TestMount.#mount(target, ['-t', 'ext4', '-o', 'loop', image]);
    rmSync(image);
    return mounted;
  }

  /** An overlayfs whose own folders stand beside the folder. */
  static overlay(target: string): TestMount {
    const folders = ['lower', 'upper', 'work'].map((name) => join(`${target}.overlay`, name));
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    const [lower, upper, work] = folders;
    return TestMount.#mount(target, [
      '-t',
      'overlay',
      '-o',
      `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
      'o',
    ]);
  }

  static #mount(target: string, args: readonly string[]): TestMount {
    mkdirSync(target, { recursive: true });
    run('mount', [...args, target]);
    return new TestMount(target);
  }

  [Symbol.dispose](): void {
    run('umount', ['-l', this.target]);
  }
}

/** Why no ext4 can be mounted from a file here, or false. */
export const noExt4: string | false = ext4Missing();

function ext4Missing(): string | false {
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices';
  return spawnSync('mkfs.ext4', ['-V']).error === undefined ? false : 'mkfs.ext4 is not installed';
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
}

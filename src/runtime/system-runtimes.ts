import { existsSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { Fault } from '../errors/index.ts';
import { cgroupLayout, fileSystemOf, findExecutable, privileges } from '../host/index.ts';
import { once } from '../std/index.ts';
import { containersIn } from './container-id.ts';
import { crun } from './crun-program.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { programRuntime, viewProgram } from './program-runtime.ts';
import { runc } from './runc-program.ts';
import type { RuntimeProgram } from './runtime-program.ts';
import type { PassedOver, Runtimes } from './runtimes.ts';

export interface RuntimesOptions {
  /** The states of each program's containers are in a folder of it with the program's name. On a file system in memory. */
  readonly runRoot: string;
  /** As of `choose`. */
  readonly wanted?: string | undefined;
}

/** Those among the system's programs, and the one at a path that is asked for. */
export function systemRuntimes(options: RuntimesOptions): Runtimes {
  return new SystemRuntimes(options);
}

/** The better one first. */
const programs: readonly RuntimeProgram[] = [crun, runc];

class SystemRuntimes implements Runtimes {
  readonly #runRoot: string;
  readonly #wanted: string | undefined;
  readonly #opened = new Map<string, OciRuntime>();
  readonly #usual = once(() => choosing());

  constructor({ runRoot, wanted }: RuntimesOptions) {
    this.#runRoot = runRoot;
    this.#wanted = wanted;
  }

  choose(wanted = this.#wanted): OciRuntime {
    if (wanted !== undefined) return this.#open(wanted);
    const { program, passedOver } = this.#usual();
    if (program !== undefined) return this.#open(program.name);
    const reasons = passedOver.map(({ reason }) => reason).join('; ');
    throw new Fault('unavailable', `find a container runtime: ${reasons}`, { hint: 'apt-get install crun, or runc' });
  }

  chooseDiscreet(): OciRuntime {
    const chosen = this.choose();
    if (!this.#isIndiscreet(chosen)) return chosen;
    const other = programs.find(({ name, keepsConfig }) => !keepsConfig && isThere(name));
    if (other !== undefined) return this.#open(other.name);
    throw new Fault(
      'unavailable',
      `hand secrets to ${chosen.name}: it would copy them to a disk, in ${chosen.stateDir}`,
      {
        hint: 'apt-get install runc, or choose a folder in memory with --run-root',
      },
    );
  }

  chosenName(): string | undefined {
    return this.#wanted === undefined ? this.#usual().program?.name : this.#open(this.#wanted) && this.#wanted;
  }

  passedOver(): readonly PassedOver[] {
    return this.#wanted === undefined ? this.#usual().passedOver : [];
  }

  holding(id: string, preferred = this.#wanted): OciRuntime | undefined {
    const program = programs.find(({ name }) => existsSync(join(this.#stateDir(name), id)));
    if (program === undefined) return undefined;
    const isPreferred = preferred !== undefined && basename(preferred) === program.name && isThere(preferred);
    return this.#open(isPreferred ? preferred : program.name);
  }

  ids(): readonly string[] {
    const folders = programs.map(({ name }) => this.#stateDir(name)).filter((folder) => existsSync(folder));
    return folders.flatMap(containersIn).toSorted();
  }

  #isIndiscreet({ name, stateDir }: OciRuntime): boolean {
    const keepsConfig = programs.some((program) => program.name === name && program.keepsConfig);
    return keepsConfig && !['tmpfs', 'ramfs'].includes(fileSystemOf(stateDir).type);
  }

  #open(wanted: string): OciRuntime {
    const opened = this.#opened.get(wanted);
    if (opened !== undefined) return opened;
    const program = programs.find(({ name }) => name === basename(wanted));
    if (program === undefined || (wanted !== program.name && !isAbsolute(wanted))) {
      throw new Fault('invalid', `container runtime "${wanted}": neither crun nor runc, nor the absolute path of one`);
    }
    const options = { executable: wanted, stateDir: this.#stateDir(program.name) };
    const runtime = programRuntime(program, options);
    const obstacle = obstacleTo(program);
    if (obstacle !== undefined) throw new Fault('unsupported', `use the container runtime ${wanted}: ${obstacle}`);
    this.#opened.set(wanted, runtime);
    return runtime;
  }

  #stateDir(name: string): string {
    return join(this.#runRoot, name);
  }
}

function isThere(program: string): boolean {
  return findExecutable(program) !== undefined;
}

interface Choice {
  readonly program: RuntimeProgram | undefined;
  readonly passedOver: readonly PassedOver[];
}

function choosing(): Choice {
  const passedOver: PassedOver[] = [];
  for (const program of programs) {
    const { name } = program;
    const reason = isThere(name) ? obstacleTo(program) : `${name} is not installed`;
    if (reason === undefined) return { program, passedOver };
    passedOver.push({ name, reason });
  }
  return { program: undefined, passedOver };
}

/** Why a program that is installed cannot run containers here, as far as files tell. */
function obstacleTo(program: RuntimeProgram): string | undefined {
  const layout = cgroupLayout();
  const obstacle = program.obstacle(layout);
  if (obstacle !== undefined || program.hiddenMounts(layout).length === 0) return obstacle;
  const missing = ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT'].find((name) => !privileges().capabilities.has(name));
  if (missing !== undefined) return `with both kinds of control groups mounted it takes ${missing}`;
  return existsSync(viewProgram) ? undefined : `with both kinds of control groups mounted it takes ${viewProgram}`;
}

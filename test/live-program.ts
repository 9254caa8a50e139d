import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { program, type Ended, type TestStore } from './test-store.ts';

const patienceMs = 30_000;
const lookAgainMs = 5;

export interface LiveOptions {
  /** On a terminal of this size; without one its streams are pipes. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
}

/** `varve ARGS…` while it runs: what it has said so far, what it is told, and signals to it. */
export class LiveProgram implements AsyncDisposable {
  stdout = '';
  stderr = '';
  /** Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessWithoutNullStreams;
  #over = false;

  constructor(store: TestStore, args: readonly string[], { terminal }: LiveOptions = {}) {
    const env = { ...process.env, VARVE_ROOT: store.root, VARVE_RUN_ROOT: store.runRoot };
    const [command, rest] = terminal === undefined ? [program, args] : ['script', onTerminal(args, terminal)];
    this.#child = spawn(command, rest, { env, stdio: 'pipe' });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#over = true;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Waits until it has said it, on either stream. */
  async says(pattern: RegExp): Promise<this> {
    await this.until(`says ${pattern}`, () => pattern.test(this.stdout) || pattern.test(this.stderr));
    return this;
  }

  /** Waits until `condition` holds while it runs. */
  async until(what: string, condition: () => boolean): Promise<this> {
    const isOver = (): boolean => this.#over;
    try {
      await eventually(`the program ${what}`, () => condition() || isOver());
    } catch (error) {
      await this.kill();
      throw new Error(`the program said ${this.stdout}${this.stderr}`, { cause: error });
    }
    if (!condition()) throw new Error(`the program ended before it ${what}:\n${this.stdout}${this.stderr}`);
    return this;
  }

  signal(name: NodeJS.Signals): this {
    this.#child.kill(name);
    return this;
  }

  write(text: string): this {
    this.#child.stdin.write(text);
    return this;
  }

  endInput(): this {
    this.#child.stdin.end();
    return this;
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<Ended> {
    return this.signal('SIGKILL').ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Arguments of script(1), which makes a terminal and passes the exit code on. */
function onTerminal(
  args: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const words = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  return ['-qec', `stty cols ${columns} rows ${rows}; exec ${words.join(' ')}`, '/dev/null'];
}

export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`in vain waited until ${what}`);
    await delay(lookAgainMs);
  }
}

/** Command lines of the processes of this machine that contain `text`. */
export function commandLinesWith(text: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return pids.map(commandLineOf).filter((line) => line.includes(text));
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

let lastMark = 0;

/** A number of seconds that nobody else sleeps: its command line tells a container's process from all others. */
export function longSleep(): string {
  lastMark += 1;
  return `${String(process.pid)}${String(lastMark).padStart(3, '0')}`;
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openState } from './open-state.ts';
import type { StateOptions } from './open-state.ts';
import type { State } from './state.ts';

/** A state in a folder of its own, gone at the end of a test: `using`. */
export interface TestState extends Disposable {
  readonly root: string;
  readonly state: State;
  /** The time as the state sees it, in milliseconds; a test may set it. */
  now: number;
  /** A second handle on the same store, as another process would have it. */
  reopen(options?: StateOptions): State;
}

export function testState(): TestState {
  const root = mkdtempSync(join(tmpdir(), 'varve-state-'));
  const opened: State[] = [];
  const open = (options: StateOptions): State => {
    const state = openState(root, options);
    opened.push(state);
    return state;
  };
  const clock = { now: (): number => test.now };
  const test: TestState = {
    root,
    now: 1_700_000_000_000,
    state: open({ clock }),
    reopen: (options = {}) => open({ clock, ...options }),
    [Symbol.dispose]: () => {
      for (const state of opened) state[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return test;
}

/**
 * A process of its own in which `body` runs: JavaScript that sees `state`, opened on `root`, and `say(text)`, which
 * writes one line to the test.
 */
export function stateProcess(root: string, body: string): ChildLines {
  const program = `
    const { openState } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
    const { writeSync } = await import('node:fs');
    const state = openState(${JSON.stringify(root)});
    const say = (text) => writeSync(1, text + '\\n');
    const forever = () => new Promise(() => setInterval(() => {}, 1000));
    ${body}
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new ChildLines(child);
}

export class ChildLines implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #lines: string[] = [];
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake();
    });
    void this.#ended.then(() => this.#wake());
  }

  /** The next line that the process says; undefined when it ended. */
  async line(): Promise<string | undefined> {
    while (this.#lines.length === 0 && this.#child.exitCode === null && this.#child.signalCode === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }

  /** The exit code. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

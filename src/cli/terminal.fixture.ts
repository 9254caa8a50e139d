import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import assert from 'node:assert/strict';
import { PassThrough, Readable, Writable } from 'node:stream';
import { nowMs } from './fake-containers.fixture.ts';
import { createFakeEngine } from './fake-engine.fixture.ts';
import type { FakeEngine } from './fake-engine.fixture.ts';
import { runProgram } from './program.ts';

export interface CliOptions {
  readonly fake?: FakeEngine;
  readonly stdin?: string | Readable;
  readonly stdinIsTty?: boolean;
  readonly stdoutIsTty?: boolean;
  readonly stderrIsTty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the source of signals, once the program runs. */
  readonly onStart?: (signals: EventEmitter) => void;
  readonly stdout?: Writable;
}

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly fake: FakeEngine;
  /** What the engine was opened with, if it was. */
  readonly opened: readonly object[];
  readonly rawModes: readonly boolean[];
  readonly forcedExits: readonly number[];
}

/** Runs `varve ARGS` in this process, on a fake engine and streams that remember. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const fake = options.fake ?? createFakeEngine();
  const [stdout, stderr] = [collector(options.stdoutIsTty), collector(options.stderrIsTty)];
  const opened: object[] = [];
  const rawModes: boolean[] = [];
  const forcedExits: number[] = [];
  const signals = new EventEmitter();
  const stdin = options.stdin instanceof Readable ? options.stdin : Readable.from([Buffer.from(options.stdin ?? '')]);
  options.onStart?.(signals);
  const code = await runProgram({
    argv,
    env: options.env ?? {},
    stdin: Object.assign(stdin, {
      isTTY: options.stdinIsTty === true,
      setRawMode: (raw: boolean) => rawModes.push(raw),
    }),
    stdout: options.stdout ?? stdout.stream,
    stderr: stderr.stream,
    signals,
    version: '0.1.0',
    openEngine: async (where) => {
      opened.push(where);
      return fake.engine;
    },
    now: () => nowMs,
    exit: (forced) => void forcedExits.push(forced),
  });
  assert.equal(signals.eventNames().length, 0, 'a listener for signals was left behind');
  return { code, stdout: stdout.text(), stderr: stderr.text(), fake, opened, rawModes, forcedExits };
}

/** An input that stays open until the test ends it. */
export function openInput(): PassThrough {
  return new PassThrough();
}

function collector(isTTY = false): {
  stream: Writable & { isTTY: boolean; columns: number; rows: number };
  text: () => string;
} {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return {
    stream: Object.assign(stream, { isTTY, columns: 80, rows: 24 }),
    text: () => Buffer.concat(chunks).toString(),
  };
}

/** Compares with `testdata/NAME`; with `UPDATE_GOLDEN=1` writes it instead. */
export function assertGolden(name: string, actual: string): void {
  const file = join(import.meta.dirname, 'testdata', name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  assert.equal(actual, readFileSync(file, 'utf8'));
}

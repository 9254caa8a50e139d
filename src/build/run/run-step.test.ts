import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDockerfile, type RunInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { isLocked } from '../../host/index.ts';
import type { Vertex } from '../../solver/index.ts';
import { runStep } from './run-step.ts';
import { StepLog } from './step-log.ts';
import type { StepResult } from '../step-result.ts';
import type { StepRunner } from './step-runner.ts';

type Chunk = string | Uint8Array;

/** A RUN whose command writes these chunks and fails. */
class FailingRun implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'varve-run-step-'));
  readonly logs = join(this.folder, 'logs');
  readonly path = StepLog.pathOf(this.logs, 'slot');
  wasLocked = false;

  async fault(command: string, chunks: readonly Chunk[]): Promise<Fault> {
    const failing: StepRunner = {
      run: async (_, { onOutput }) => {
        for (const bytes of chunks) onOutput(Buffer.from(bytes));
        this.wasLocked = isLocked(this.path);
        return { kind: 'failed', exitCode: 3, message: undefined };
      },
    };
    const vertex = runVertex(command, this.logs, failing);
    const signal = new AbortController().signal;
    const error: unknown = await vertex.run({ inputs: [], sources: [], signal }).catch((thrown: unknown) => thrown);
    assert.ok(Fault.is(error));
    return error;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const platform = { os: 'linux', architecture: 'amd64' };

function runVertex(command: string, logFolder: string, runner: StepRunner): Vertex<StepResult> {
  const text = `FROM scratch\nRUN ${command}\n`;
  const instruction = parseDockerfile(text).stages[0]?.instructions[0] as RunInstruction;
  return runStep({
    source: { name: 'Dockerfile', text },
    instruction,
    base: {} as Vertex<StepResult>,
    slot: 'slot',
    cache: 'use',
    ports: { logFolder, runner, platform } as Parameters<typeof runStep>[0]['ports'],
    state: {
      platform,
      config: {},
      author: undefined,
      env: new Map(),
      args: [],
      baseHistory: [],
      ownCommand: false,
    },
    platform,
    mounts: [],
    devices: [],
    build: {},
    network: 'none',
    hiddenEnv: new Map(),
    onOutput: () => undefined,
    onWarning: () => undefined,
  });
}

test('all that a RUN writes is in its file, both streams byte for byte, and the failure says where', async () => {
  using run = new FailingRun();
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);
  const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x0a]);
  const fault = await run.fault('make \\\n  all', [bytes, ...lines.map((line) => line)]);
  const expected = Buffer.concat([Buffer.from('# RUN make all\n'), bytes, Buffer.from(lines.join(''))]);
  assert.ok(readFileSync(run.path).equals(expected));
  assert.equal(fault.hint, `the whole output is in ${run.path}`);
  assert.doesNotMatch(fault.message, /line 4989\n/);
  assert.deepEqual([statSync(run.logs).mode & 0o777, statSync(run.path).mode & 0o777], [0o700, 0o600]);
});

test('a RUN whose whole output stands in the message has no hint', async () => {
  using run = new FailingRun();
  const fault = await run.fault('make', ['1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n']);
  assert.equal(fault.hint, undefined);
  assert.match((await run.fault('make', ['1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n'])).hint ?? '', /^the whole/);
});

test('a step that runs again replaces what it wrote before; the file is locked while it runs', async () => {
  using run = new FailingRun();
  await run.fault('make', ['a long first output']);
  await run.fault('make', ['second']);
  assert.equal(readFileSync(run.path, 'utf8'), '# RUN make\nsecond');
  assert.equal(readdirSync(run.logs).length, 1);
  assert.deepEqual([run.wasLocked, isLocked(run.path)], [true, false]);
});

test('of two that write at once each has a file of its own, and the later keeps the name', () => {
  using run = new FailingRun();
  using first = StepLog.open(run.logs, { slot: 'slot', label: 'RUN first' });
  using second = StepLog.open(run.logs, { slot: 'slot', label: 'RUN second' });
  second.write(Buffer.from('2'));
  first.write(Buffer.from('1'));
  assert.equal(readFileSync(run.path, 'utf8'), '# RUN second\n2');
});

test('a file that cannot be written fails the RUN at its place', async () => {
  using run = new FailingRun();
  writeFileSync(run.logs, 'no folder');
  const fault = await run.fault('make', []);
  assert.match(fault.message, /logs: .*\nDockerfile:2\n/);
});

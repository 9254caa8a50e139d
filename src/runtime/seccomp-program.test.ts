import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultCapabilities } from './capabilities.ts';
import { ContainerBench, whyNoContainers } from './container.fixture.ts';
import type { SeccompSpec, SyscallArgSpec, SyscallRuleSpec } from './runtime-spec.ts';
import { seccompProgram } from './seccomp-program.ts';
import { loadSeccomp } from './seccomp-source.ts';

const only64 = process.arch !== 'x64' && 'the numbers are those of x86-64';
const noCrun = whyNoContainers('crun');
const [amd64, i386] = [0xc000_003e, 0x4000_0003];
const [allow, eperm, enosys] = [0x7fff_0000, 0x0005_0001, 0x0005_0026];

test(
  'what crun makes of the same filter is the same, but for calls newer than all it names',
  { skip: noCrun },
  async () => {
    await using bench = new ContainerBench('crun');
    const { program = '', ...seccomp } = loadSeccomp({ architecture: 'amd64', capabilities: defaultCapabilities });
    const bundle = bench.bundle('c1', ['/bin/busybox', 'sleep', '60'], { seccomp });
    const ending = new AbortController();
    const running = bench.runtime.run('c1', { bundle, signal: ending.signal, onStdout: () => undefined });
    const path = join(bench.runtime.stateDir, 'c1/seccomp.bpf');
    const ended = assert.rejects(running, { code: 'cancelled' });
    while ((await bench.runtime.state('c1'))?.status !== 'running' || !existsSync(path)) await delay(10);
    const itsOwn = readFileSync(path);
    ending.abort();
    await ended;
    const ours = Buffer.from(program, 'base64');
    assert.ok(itsOwn.length > 1000);
    assert.ok(ours.subarray(-itsOwn.length).equals(itsOwn));
  },
);

test('calls are allowed, refused, or not there, as runc has it', { skip: only64 }, () => {
  const { program = '' } = loadSeccomp({ architecture: 'amd64', capabilities: defaultCapabilities });
  const cases = [
    ['read', amd64, 0, allow],
    ['mount', amd64, 165, eperm],
    ['clone3, for which libraries have another', amd64, 435, enosys],
    ['a call of tomorrow', amd64, 2000, enosys],
    ['read of x86', i386, 3, allow],
    ['mount of x86', i386, 21, eperm],
    ['a call of tomorrow, of x86', i386, 2000, enosys],
  ] as const;
  for (const [name, architecture, call, wanted] of cases) {
    assert.equal(verdict(Buffer.from(program, 'base64'), { architecture, call }), wanted, name);
  }
});

test('several conditions on one argument are alternatives, on several they all have to hold', { skip: only64 }, () => {
  const program = programOf([
    rule('read', condition(0, 1), condition(0, 2)),
    rule('write', condition(0, 1), condition(1, 2)),
  ]);
  const given = (call: number, ...args: readonly number[]) => verdict(program, { architecture: amd64, call, args });
  assert.deepEqual([given(0, 1), given(0, 2), given(0, 3)], [allow, allow, eperm]);
  assert.deepEqual([given(1, 1, 2), given(1, 1, 1), given(1, 3, 2)], [allow, eperm, eperm]);
});

test('a filter that needs somebody who listens is left to the runtime', () => {
  const syscalls = [{ names: ['read'], action: 'SCMP_ACT_NOTIFY' }];
  assert.equal(
    seccompProgram({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls }),
    undefined,
  );
});

function condition(index: number, value: number): SyscallArgSpec {
  return { index, value, op: 'SCMP_CMP_EQ' };
}

function rule(name: string, ...args: readonly SyscallArgSpec[]): SyscallRuleSpec {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args };
}

function programOf(syscalls: SeccompSpec['syscalls']): Buffer {
  const program = seccompProgram({ defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64'], syscalls });
  assert.ok(program !== undefined);
  return program;
}

interface Call {
  readonly architecture: number;
  readonly call: number;
  readonly args?: readonly number[];
}

/** What the kernel would do: bpf(4), as far as filters of system calls use it. */
function verdict(program: Buffer, { architecture, call, args = [] }: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt(value), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const [code, value] = [program.readUInt16LE(at), program.readUInt32LE(at + 4)];
    const jump = (holds: boolean): void => void (at += 8 * program.readUInt8(at + (holds ? 2 : 3)));
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x25) jump(accumulator > value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x05) at += 8 * value;
    else if (code === 0x06) return value;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail('no verdict');
}

import { createRequire } from 'node:module';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';

/** What a program for the kernel's filter of system calls is made from, in the numbers of libseccomp. */
export interface SyscallFilter {
  /** Of all calls that no rule is about. */
  readonly defaultAction: number;
  /** As `seccomp_arch_resolve_name` has them: `x86_64`, `aarch64`. */
  readonly architectures: readonly string[];
  readonly rules: readonly SyscallRule[];
}

export interface SyscallRule {
  /** One that libseccomp does not know is left out. */
  readonly call: string;
  readonly action: number;
  /** All of them have to hold. */
  readonly conditions: readonly SyscallCondition[];
}

export interface SyscallCondition {
  readonly argument: number;
  /** `enum scmp_compare`. */
  readonly operator: number;
  readonly value: bigint;
  readonly second: bigint;
}

export interface SyscallProgram {
  /** Instructions of eight bytes (struct sock_filter). */
  readonly instructions: Buffer;
  /** For each architecture the number in AUDIT_ARCH and the highest number of a call that a rule names. */
  readonly lastCalls: readonly { readonly architecture: number; readonly call: number }[];
}

/**
 * Has libseccomp make a program, as the OCI runtimes do for each start anew; takes some milliseconds. Undefined where the
 * library is not installed.
 */
export function compileSyscallFilter(filter: SyscallFilter): SyscallProgram | undefined {
  const library = libseccomp();
  if (library === undefined) return undefined;
  const context = library.init(filter.defaultAction);
  try {
    const architectures = filter.architectures.map((name) => library.architecture(name));
    for (const each of architectures) {
      const added = library.addArchitecture(context, each);
      if (added !== 0 && added !== -eexist) throw failed('add an architecture', added);
    }
    for (const rule of filter.rules) addRule(library, context, rule, filter.defaultAction);
    const calls = [...new Set(filter.rules.map(({ call }) => call))];
    const lastCalls = architectures
      .map((architecture) => ({
        architecture,
        call: lastCall(calls, (call) => library.callNumber(architecture, call)),
      }))
      .filter(({ call }) => call > 0);
    return { instructions: exported(library, context), lastCalls };
  } finally {
    library.release(context);
  }
}

function lastCall(calls: readonly string[], numberOf: (call: string) => number): number {
  return calls.reduce((last, call) => Math.max(last, numberOf(call)), 0);
}

function addRule(library: Libseccomp, context: unknown, rule: SyscallRule, defaultAction: number): void {
  const call = library.nativeCallNumber(rule.call);
  if (call === unknownCall || rule.action === defaultAction) return;
  const conditions = Buffer.alloc(rule.conditions.length * conditionBytes);
  for (const [index, { argument, operator, value, second }] of rule.conditions.entries()) {
    const at = index * conditionBytes;
    conditions.writeUInt32LE(argument, at);
    conditions.writeInt32LE(operator, at + 4);
    conditions.writeBigUInt64LE(value, at + 8);
    conditions.writeBigUInt64LE(second, at + 16);
  }
  const added = library.addRule(context, rule.action, call, rule.conditions.length, conditions);
  if (added !== 0) throw failed(`add a rule about ${rule.call}`, added);
}

/** The library writes to a descriptor only. */
function exported(library: Libseccomp, context: unknown): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'varve-seccomp-'));
  try {
    const path = join(folder, 'program');
    const fd = openSync(path, 'w', 0o600);
    try {
      const written = library.exportProgram(context, fd);
      if (written !== 0) throw failed('write the program', written);
    } finally {
      closeSync(fd);
    }
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function failed(what: string, result: number): Fault {
  return new Fault('internal', `compile a filter of system calls: ${what}: error ${-result} of libseccomp`);
}

interface Libseccomp {
  init(action: number): unknown;
  release(context: unknown): void;
  architecture(name: string): number;
  addArchitecture(context: unknown, architecture: number): number;
  nativeCallNumber(name: string): number;
  callNumber(architecture: number, name: string): number;
  addRule(context: unknown, action: number, call: number, count: number, conditions: Buffer): number;
  exportProgram(context: unknown, fd: number): number;
}

const conditionBytes = 24;
/** __NR_SCMP_ERROR */
const unknownCall = -1;
const eexist = 17;

function libseccomp(): Libseccomp | undefined {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libseccomp.so.2');
  } catch {
    return undefined;
  }
  return {
    init: library.func('void *seccomp_init(uint32_t)'),
    release: library.func('void seccomp_release(void *)'),
    architecture: library.func('uint32_t seccomp_arch_resolve_name(const char *)'),
    addArchitecture: library.func('int seccomp_arch_add(void *, uint32_t)'),
    nativeCallNumber: library.func('int seccomp_syscall_resolve_name(const char *)'),
    callNumber: library.func('int seccomp_syscall_resolve_name_arch(uint32_t, const char *)'),
    addRule: library.func('int seccomp_rule_add_array(void *, uint32_t, int, uint, void *)'),
    exportProgram: library.func('int seccomp_export_bpf(void *, int)'),
  } as Libseccomp;
}

import { compileSyscallFilter, type SyscallFilter, type SyscallProgram, type SyscallRule } from '../host/index.ts';
import type { SeccompSpec, SyscallArgSpec, SyscallRuleSpec } from './runtime-spec.ts';

/**
 * The program that the kernel filters a container's calls with, so that a runtime need not make it at each start: crun
 * takes it from an annotation. Calls newer than all that the filter names give ENOSYS, as with runc: programs then use
 * older ones. Undefined where it cannot be made here; the runtime then makes its own from the filter.
 */
export function seccompProgram(filter: SeccompSpec): Buffer | undefined {
  const rules = filter.syscalls.flatMap(rulesOf);
  const architectures = filter.architectures.map((name) => name.replace('SCMP_ARCH_', '').toLowerCase());
  const defaultAction = actionOf(filter.defaultAction, filter.defaultErrnoRet);
  if (defaultAction === undefined || rules.some(({ action }) => action === undefined)) return undefined;
  const program = compileSyscallFilter({ defaultAction, architectures, rules } as SyscallFilter);
  return program === undefined ? undefined : withNewerCalls(program);
}

/** Where the runtime looks for it. */
export const seccompProgramAnnotation = 'run.oci.seccomp_bpf_data';

type UncertainRule = Omit<SyscallRule, 'action'> & { readonly action: number | undefined };

function rulesOf({ names, action, errnoRet, args = [] }: SyscallRuleSpec): UncertainRule[] {
  const number = actionOf(action, errnoRet);
  return names.flatMap((call) => alternatives(args).map((conditions) => ({ call, action: number, conditions })));
}

/** libseccomp takes one condition an argument: several of one argument are alternatives, as runc and crun have it. */
function alternatives(args: readonly SyscallArgSpec[]): SyscallRule['conditions'][] {
  const conditions = args.map(({ index, value, valueTwo = 0, op }) => ({
    argument: index,
    operator: operators.indexOf(op),
    value: BigInt(value),
    second: BigInt(valueTwo),
  }));
  const isRepeated = new Set(args.map(({ index }) => index)).size < args.length;
  return isRepeated ? conditions.map((condition) => [condition]) : [conditions];
}

/** By their numbers in `enum scmp_compare`. */
const operators = [
  '',
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
];

/** SECCOMP_RET_*; undefined for what needs somebody who listens. */
function actionOf(name: string, errno = eperm): number | undefined {
  if (name === 'SCMP_ACT_ERRNO') return returnErrno | errno;
  return new Map([
    ['SCMP_ACT_ALLOW', 0x7fff_0000],
    ['SCMP_ACT_LOG', 0x7ffc_0000],
    ['SCMP_ACT_TRAP', 0x0003_0000],
    ['SCMP_ACT_KILL', 0],
    ['SCMP_ACT_KILL_THREAD', 0],
    ['SCMP_ACT_KILL_PROCESS', 0x8000_0000],
  ]).get(name);
}

/** Before all else: of these architectures, calls above the last one that is known. */
function withNewerCalls({ instructions, lastCalls }: SyscallProgram): Buffer {
  const checks = lastCalls.flatMap(({ architecture, call }) => [
    instruction(loadWord, { value: architectureAt }),
    instruction(jumpIfEqual, { value: architecture, fails: 4 }),
    instruction(loadWord, { value: numberAt }),
    instruction(jumpIfAtLeast, { value: x32Bit, holds: 2 }),
    instruction(jumpIfGreater, { value: call, fails: 1 }),
    instruction(giveBack, { value: returnErrno | enosys }),
  ]);
  return Buffer.concat([...checks, instructions]);
}

/** struct sock_filter, linux/filter.h: what to do, how far to jump if it holds and if not, a value. */
function instruction(
  code: number,
  { value, holds = 0, fails = 0 }: { readonly value: number; readonly holds?: number; readonly fails?: number },
): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(holds, 2);
  bytes.writeUInt8(fails, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}

const loadWord = 0x20;
const jumpIfEqual = 0x15;
const jumpIfGreater = 0x25;
const jumpIfAtLeast = 0x35;
const giveBack = 0x06;

/** In struct seccomp_data. */
const numberAt = 0;
const architectureAt = 4;
/** Marks the calls of x32, which are numbered anew. */
const x32Bit = 0x4000_0000;

const returnErrno = 0x0005_0000;
const eperm = 1;
const enosys = 38;

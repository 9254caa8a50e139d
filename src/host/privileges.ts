import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import { faulting } from './errno.ts';

/** What this process may do. */
export interface Privileges {
  readonly euid: number;
  readonly egid: number;
  /** Effective capabilities by name (`CAP_SYS_ADMIN`), in the kernel's order; `CAP_` and the number for one not known here. */
  readonly capabilities: ReadonlySet<string>;
  /** True where another user namespace than the machine's own rules: an id of 0 is then not the machine's root. */
  readonly userNamespace: boolean;
}

/** A limit of this process; Infinity where there is none. */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

export function privileges(): Privileges {
  const status = readOwn('status');
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const ids = /^0\s+0\s+4294967295$/.test(readOwn('uid_map').trim());
  const [euid, egid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return { euid, egid, capabilities: parseCapabilities(mask), userNamespace: !ids };
}

/** The limits of this process by the names that an OCI bundle uses (`RLIMIT_NOFILE`). */
export function resourceLimits(): ReadonlyMap<string, ResourceLimit> {
  return parseLimits(readOwn('limits'));
}

/** Reads a mask in hexadecimal, as /proc/PID/status has it. */
export function parseCapabilities(mask: string): ReadonlySet<string> {
  const found = new Set<string>();
  const bits = BigInt(`0x${mask}`);
  for (let bit = 0; bit < 64; bit += 1) {
    if ((bits >> BigInt(bit)) & 1n) found.add(capabilityNames[bit] ?? `CAP_${bit}`);
  }
  return found;
}

/** Reads the table of /proc/PID/limits, proc_pid_limits(5). */
export function parseLimits(table: string): ReadonlyMap<string, ResourceLimit> {
  const found = new Map<string, ResourceLimit>();
  for (const [title, name] of limitNames) {
    const match = new RegExp(`^${title} +(\\S+) +(\\S+)`, 'm').exec(table);
    if (match === null) throw new Fault('internal', `read limits: the kernel names no "${title}"`);
    found.set(name, { soft: limitValue(match[1]), hard: limitValue(match[2]) });
  }
  return found;
}

function limitValue(text = ''): number {
  return text === 'unlimited' ? Infinity : Number(text);
}

function readOwn(file: string): string {
  const path = `/proc/self/${file}`;
  return faulting('read', bytesOf(path), () => readFileSync(path, 'latin1'));
}

const limitNames: ReadonlyArray<readonly [string, string]> = [
  ['Max cpu time', 'RLIMIT_CPU'],
  ['Max file size', 'RLIMIT_FSIZE'],
  ['Max data size', 'RLIMIT_DATA'],
  ['Max stack size', 'RLIMIT_STACK'],
  ['Max core file size', 'RLIMIT_CORE'],
  ['Max resident set', 'RLIMIT_RSS'],
  ['Max processes', 'RLIMIT_NPROC'],
  ['Max open files', 'RLIMIT_NOFILE'],
  ['Max locked memory', 'RLIMIT_MEMLOCK'],
  ['Max address space', 'RLIMIT_AS'],
  ['Max file locks', 'RLIMIT_LOCKS'],
  ['Max pending signals', 'RLIMIT_SIGPENDING'],
  ['Max msgqueue size', 'RLIMIT_MSGQUEUE'],
  ['Max nice priority', 'RLIMIT_NICE'],
  ['Max realtime priority', 'RLIMIT_RTPRIO'],
  ['Max realtime timeout', 'RLIMIT_RTTIME'],
];

/** linux/capability.h, by number. */
const capabilityNames: readonly string[] = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

import { Fault } from '../errors/index.ts';
import type { CapabilitiesSpec } from './runtime-spec.ts';

/** What Docker grants to a container by default: enough to install software, too little to own the machine. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/**
 * The capability sets of a process that starts as `uid`. As execve(2) would leave it, only root holds the
 * capabilities; another user has them in its bounding set, for what a setuid or file-capable program may regain.
 * Nothing is inheritable or ambient (CVE-2022-24769).
 */
export function capabilitySets(granted: readonly string[], uid: number): CapabilitiesSpec {
  if (uid !== 0) return { bounding: granted };
  return { bounding: granted, effective: granted, permitted: granted };
}

/** Every capability there is, by number (capabilities(7)); a kernel may know fewer. */
export const allCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** What `--cap-add`, `--cap-drop` and `--privileged` ask for. */
export interface CapabilityChanges {
  /** Names with or without `CAP_`, in any case; `ALL` stands for every one. */
  readonly add?: readonly string[];
  readonly drop?: readonly string[];
  /** What this process itself holds (`privileges`): nobody can give more, and `ALL` means these. */
  readonly held?: ReadonlySet<string>;
}

/**
 * The default capabilities with `changes`, in Docker's way: `ALL` on one side first, the names of the other side after
 * it. Fails with `invalid` for a name that is no capability, `denied` for one that cannot be given.
 */
export function changedCapabilities(changes: CapabilityChanges): string[] {
  const held = changes.held ?? new Set(allCapabilities);
  const add = new Set((changes.add ?? []).map(capabilityName));
  const drop = new Set((changes.drop ?? []).map(capabilityName));
  const granted = add.has('ALL')
    ? allCapabilities.filter((name) => !drop.has(name))
    : [...new Set([...(drop.has('ALL') ? [] : defaultCapabilities.filter((name) => !drop.has(name))), ...add])];
  const beyond = [...add].find((name) => name !== 'ALL' && !held.has(name));
  if (beyond === undefined) return granted.filter((name) => held.has(name));
  throw new Fault('denied', `grant ${beyond} to the container: this process does not hold it itself`);
}

function capabilityName(text: string): string {
  const upper = text.toUpperCase();
  if (upper === 'ALL') return upper;
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (allCapabilities.includes(name)) return name;
  throw new Fault('invalid', `unknown capability "${text}"`, { hint: 'see capabilities(7) for the names' });
}

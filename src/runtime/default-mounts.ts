import type { DeviceRuleSpec, MountSpec } from './runtime-spec.ts';

export interface DefaultMountOptions {
  /** Size of `/dev/shm`. */
  readonly shmSizeBytes: number;
  /** False where the machine has no cgroup hierarchy to show. */
  readonly cgroup: boolean;
  /** True where a privileged container may change the kernel's settings through `/sys`. */
  readonly writable: boolean;
}

/** The file systems that every container sees, in the order in which they are mounted: Docker's list. */
export function defaultMounts(options: DefaultMountOptions): MountSpec[] {
  const guarded = ['nosuid', 'noexec', 'nodev'];
  const access = options.writable ? 'rw' : 'ro';
  const mounts: MountSpec[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: guarded },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...guarded, access] },
  ];
  if (options.cgroup) {
    mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, ...guarded] });
  }
  mounts.push(
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: guarded },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...guarded, 'mode=1777', `size=${options.shmSizeBytes}`],
    },
  );
  return mounts;
}

/** Kernel files that tell a container about its host, or let it act on it: hidden. */
export const maskedPaths: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

/** Kernel files that a container may read and must not write. */
export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** All devices are refused but the usual six, which every program takes for granted. */
export const deviceRules: readonly DeviceRuleSpec[] = [
  { allow: false, access: 'rwm' },
  ...[
    [1, 3],
    [1, 5],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
  ].map(([major = 0, minor = 0]): DeviceRuleSpec => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
];

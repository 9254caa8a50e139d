import { readFile, writeFile } from 'node:fs/promises';

/**
 * Called a moment before a process is put into a control group: where nobody was moved lately, the kernel has the first one wait
 * for every processor (an RCU grace period, 10 to 20 ms, behind `cgroup_threadgroup_rwsem`) and lets those pass that come
 * soon after. Here this process is that first one, beside other work: it is moved to the group that it is in, which changes nothing.
 * False where that cannot be done; nothing depends on it.
 */
export async function expectGroupMove(): Promise<boolean> {
  try {
    const group = ownGroup(await readFile('/proc/self/cgroup', 'utf8'));
    if (group === undefined) return false;
    await writeFile(`${group}/cgroup.procs`, '0', { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

/** By a line of `/proc/PID/cgroup` (cgroups(7)), `ID:CONTROLLERS:PATH`: that of the devices, or of the one tree of all. */
function ownGroup(lines: string): string | undefined {
  const [, controllers, path] = /^\d+:(devices|):(\/.*)$/m.exec(lines) ?? [];
  return path === undefined ? undefined : `/sys/fs/cgroup/${controllers}${path}`;
}

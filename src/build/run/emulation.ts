import { Fault } from '../../errors/index.ts';
import { emulatorFor } from '../../host/index.ts';
import { formatPlatform, type Platform } from '../../oci/index.ts';

/** Does nothing where this machine, or an emulator on it, runs programs of the platform; else Fault `unavailable`. */
export function requireRunnable(platform: Platform, machine: Platform): void {
  if (runsNatively(platform, machine)) return;
  const found = emulatorFor(platform.architecture);
  if (found === 'usable') return;
  const what = `run programs for ${formatPlatform(platform)} on ${formatPlatform(machine)}`;
  if (found === 'outside') {
    throw new Fault('unavailable', `${what}: the emulator is not opened when it is registered (flag F)`, {
      hint: 'register it with its flag F, as qemu-user-static does',
    });
  }
  throw new Fault('unavailable', `${what}: no emulator is registered with binfmt_misc`, {
    hint: 'apt-get install qemu-user-static binfmt-support',
  });
}

function runsNatively(platform: Platform, machine: Platform): boolean {
  if (platform.architecture === machine.architecture) return true;
  return `${platform.architecture} on ${machine.architecture}` === '386 on amd64' || isOlderArm(platform, machine);
}

function isOlderArm(platform: Platform, machine: Platform): boolean {
  return platform.architecture === 'arm' && machine.architecture === 'arm64';
}

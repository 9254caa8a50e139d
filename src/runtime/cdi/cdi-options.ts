import { existsSync } from 'node:fs';
import { Fault } from '../../errors/index.ts';
import { lstat } from '../../host/index.ts';
import { defined } from '../../oci/index.ts';
import type { ContainerDevice, ContainerMount, MountPropagation, MountRestriction } from '../container-options.ts';
import type { ContainerUser } from '../user.ts';
import type { CdiDevice, CdiDeviceNode, CdiMount } from './cdi-device.ts';

/** What devices add to a container. */
export interface CdiOptions {
  readonly env: readonly string[];
  readonly devices: readonly ContainerDevice[];
  readonly mounts: readonly ContainerMount[];
  readonly additionalGids: readonly number[];
}

/**
 * What these devices add to a container of `user`, to whom nodes belong whose description names no owner. Fault
 * `unsupported` for what containers do not get, `not-found` where this machine has not what the description says.
 */
export function cdiOptions(devices: readonly CdiDevice[], user: Pick<ContainerUser, 'uid' | 'gid'>): CdiOptions {
  return within(devices, (device) => {
    const [first] = device.edits.flatMap(({ refused }) => refused);
    if (first !== undefined) throw new Fault('unsupported', `its description wants ${first}, which are not run here`);
    return {
      env: device.edits.flatMap(({ env }) => env),
      devices: device.edits.flatMap(({ deviceNodes }) => deviceNodes.map((node) => nodeOf(node, user))),
      mounts: device.edits.flatMap(({ mounts }) => mounts.map(mountOf)),
      additionalGids: device.edits.flatMap(({ additionalGids }) => additionalGids.filter((gid) => gid !== 0)),
    };
  });
}

function within(devices: readonly CdiDevice[], optionsOf: (device: CdiDevice) => CdiOptions): CdiOptions {
  const all = devices.map((device) => {
    try {
      return optionsOf(device);
    } catch (error) {
      throw Fault.wrap(`device ${device.name}`, error);
    }
  });
  return {
    env: all.flatMap(({ env }) => env),
    devices: [...new Map(all.flatMap((each) => each.devices.map((node) => [node.path, node] as const))).values()],
    mounts: [
      ...new Map(all.flatMap((each) => each.mounts.map((mount) => [mount.destination, mount] as const))).values(),
    ],
    additionalGids: all.flatMap(({ additionalGids }) => additionalGids),
  };
}

/** A runtime makes nodes wherever they are to be; below `/dev` they are in no layer. */
function nodeOf(node: CdiDeviceNode, user: Pick<ContainerUser, 'uid' | 'gid'>): ContainerDevice {
  if (!node.path.startsWith('/dev/')) throw new Fault('unsupported', `device node ${node.path}: it is not below /dev`);
  const { type, major, minor } = numbersOf(node);
  return {
    path: node.path,
    type,
    access: node.permissions ?? 'rwm',
    ...(type === 'p' ? {} : { major, minor }),
    ...defined({
      fileMode: node.fileMode,
      uid: node.uid ?? (user.uid === 0 ? undefined : user.uid),
      gid: node.gid ?? (user.gid === 0 ? undefined : user.gid),
    }),
  };
}

interface DeviceNumbers {
  readonly type: ContainerDevice['type'];
  readonly major: number;
  readonly minor: number;
}

/** As the description has them, else as the machine's own node has. */
function numbersOf({ type, major, minor, path, hostPath = path }: CdiDeviceNode): DeviceNumbers {
  if (type === 'p') return { type, major: 0, minor: 0 };
  const given = type === 'u' ? 'c' : type;
  if (given !== undefined && major !== undefined && minor !== undefined) return { type: given, major, minor };
  const status = lstat(hostPath);
  if (status?.type !== 'char' && status?.type !== 'block') {
    throw new Fault('not-found', `there is no device ${hostPath} on this machine`);
  }
  const own = {
    type: status.type === 'char' ? ('c' as const) : ('b' as const),
    major: status.rdevMajor,
    minor: status.rdevMinor,
  };
  if (given === undefined || given === own.type) return own;
  throw new Fault('invalid', `${hostPath} is of type ${own.type}, the description says ${given}`);
}

const restrictions: readonly MountRestriction[] = ['nosuid', 'nodev', 'noexec'];
const propagations: readonly MountPropagation[] = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
/** `rbind` and the like are what a bind mount is anyway. */
const knownOptions: ReadonlySet<string> = new Set([
  'bind',
  'rbind',
  'rw',
  'ro',
  'suid',
  'dev',
  'exec',
  'relatime',
  ...restrictions,
  ...propagations,
]);

function mountOf({ hostPath, containerPath, options, type = 'bind' }: CdiMount): ContainerMount {
  if (type !== 'bind' && type !== 'none')
    throw new Fault('unsupported', `mount ${containerPath}: it is of type ${type}`);
  const unknown = options.find((option) => !knownOptions.has(option));
  if (unknown !== undefined) throw new Fault('unsupported', `mount ${containerPath}: the option ${unknown}`);
  if (!existsSync(hostPath))
    throw new Fault('not-found', `mount ${containerPath}: there is no ${hostPath} on this machine`);
  return {
    kind: 'bind',
    source: hostPath,
    destination: containerPath,
    readonly: options.includes('ro'),
    restrictions: restrictions.filter((each) => options.includes(each)),
    ...defined({ propagation: propagations.find((each) => options.includes(each)) }),
  };
}

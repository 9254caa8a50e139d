import type { Xattrs } from '../host/index.ts';
import { bytesFrom, bytesOf, toBuffer, type ByteString } from '../std/index.ts';

/**
 * The attributes of a file that a layer keeps: not the labels of this machine, not overlay's marks. A capability that
 * was given within a user namespace is kept as one that holds everywhere, since the image knows no namespace.
 */
export function keptXattrs(all: Xattrs): Xattrs {
  if (all.size === 0) return all;
  const kept = [...all].filter(([name]) => name !== 'security.selinux' && !/^(trusted|user)\.overlay\./.test(name));
  return new Map(kept.map(([name, value]) => [name, name === capability ? withoutRootId(value) : value]));
}

const capability = bytesOf('security.capability');

/** struct vfs_ns_cap_data (linux/capability.h): revision 3 is revision 2 with the namespace's root behind it. */
function withoutRootId(value: ByteString): ByteString {
  const bytes = toBuffer(value);
  if (bytes.length !== 24 || bytes[3] !== 3) return value;
  bytes[3] = 2;
  return bytesFrom(bytes, 0, 20);
}

import koffi from 'koffi';

/** EROFS and overlay mounts for tests, straight from the kernel's file descriptor calls. Needs root. */
const libc = koffi.load(null);
const fsopen = libc.func('int fsopen(const char*, uint)');
const fsconfigText = libc.func('fsconfig', 'int', ['int', 'uint', 'const char*', 'const char*', 'int']);
const fsmount = libc.func('int fsmount(int, uint, uint)');
const moveMount = libc.func('int move_mount(int, const char*, int, const char*, uint)');
const umount2 = libc.func('int umount2(const char*, int)');
const close = libc.func('int close(int)');
const lgetxattr = libc.func('long lgetxattr(const char*, const char*, void*, ulong)');
const llistxattr = libc.func('long llistxattr(const char*, void*, ulong)');

const setFlag = 0;
const setText = 1;
const setDescriptor = 5;
const createCommand = 6;
const detach = 2;

const list = Buffer.alloc(1 << 16);
const value = Buffer.alloc(1 << 16);

/** Mounts image and tars at `target`; `tars` in the order of the image's device table. */
export function mountErofs(target: string, image: string, tars: readonly string[]): void {
  const mount = erofsDescriptor(image, tars);
  checked(moveMount(mount, '', -100, target, 4), 'move_mount');
  checked(close(mount), 'close');
}

/** Mounts layers, lowest first, each `[image, ...tars]`, under one read-only overlay at `target`. */
export function mountStack(target: string, layers: readonly (readonly [string, ...string[]])[]): void {
  const descriptors = layers.map(([image, ...tars]) => erofsDescriptor(image, tars));
  const context = checked(fsopen('overlay', 1), 'fsopen');
  for (const each of descriptors.toReversed()) {
    checked(fsconfigText(context, setDescriptor, 'lowerdir+', null, each), 'lowerdir+');
  }
  for (const [key, value] of Object.entries({ redirect_dir: 'off', metacopy: 'off', index: 'off', xino: 'on' })) {
    checked(fsconfigText(context, setText, key, value, 0), key);
  }
  const mount = created(context);
  checked(moveMount(mount, '', -100, target, 4), 'move_mount');
  for (const each of [mount, ...descriptors]) close(each);
}

export function unmount(target: string): void {
  checked(umount2(target, detach), 'umount2');
}

/** All extended attributes of a file, not following symlinks; names and values as latin1. `path` is bytes. */
export function readXattrs(path: Buffer): Record<string, string> {
  const file = Buffer.concat([path, Buffer.alloc(1)]);
  const length = Number(checked(llistxattr(file, list, list.length), 'llistxattr'));
  const names = list
    .toString('latin1', 0, length)
    .split('\0')
    .filter((name) => name !== '');
  return Object.fromEntries(names.toSorted().map((name) => [name, readXattr(file, name)]));
}

function readXattr(file: Buffer, name: string): string {
  const length = Number(checked(lgetxattr(file, Buffer.from(`${name}\0`, 'latin1'), value, value.length), name));
  return value.toString('latin1', 0, length);
}

function erofsDescriptor(image: string, tars: readonly string[]): number {
  const context = checked(fsopen('erofs', 1), 'fsopen');
  checked(fsconfigText(context, setText, 'source', image, 0), 'source');
  for (const tar of tars) checked(fsconfigText(context, setText, 'device', tar, 0), 'device');
  checked(fsconfigText(context, setFlag, 'ro', null, 0), 'ro');
  return created(context);
}

function created(context: number): number {
  try {
    checked(fsconfigText(context, createCommand, null, null, 0), 'create');
    return checked(fsmount(context, 1, 0), 'fsmount');
  } finally {
    close(context);
  }
}

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: errno ${koffi.errno()}`);
  return result;
}

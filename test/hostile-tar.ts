import { endOfArchive, formatHeader, paddingOf, type TarEntry } from '../src/tar/index.ts';
import { bytesOf } from '../src/std/index.ts';

/**
 * A root filesystem with a busybox, whose other names try to get at the folder `outside`: by `..`, by absolute paths,
 * through symlinks, as hard links, and by whiteouts of its file `canary`.
 */
export function hostileTar({ outside, busybox }: { readonly outside: string; readonly busybox: Uint8Array }): Buffer {
  return Buffer.concat([
    member({ path: 'bin', type: 'dir', mode: 0o755 }),
    member({ path: 'bin/busybox', mode: 0o755 }, busybox),
    member({ path: '../from-dotdot' }, 'dotdot'),
    member({ path: `../../../../../../../..${outside}/canary` }, 'dotdot canary'),
    member({ path: '/from-absolute' }, 'absolute'),
    member({ path: `${outside}/from-absolute` }, 'absolute below'),
    member({ path: 'bin/../../from-inside' }, 'inside'),
    member({ path: 'absolute', type: 'symlink', link: outside }),
    member({ path: 'absolute/from-absolute-symlink' }, 'absolute symlink'),
    member({ path: 'relative', type: 'symlink', link: `../../../../../../../..${outside}` }),
    member({ path: 'relative/from-relative-symlink' }, 'relative symlink'),
    member({ path: 'file', type: 'symlink', link: `${outside}/canary` }),
    member({ path: 'file' }, 'over a symlink'),
    member({ path: 'hard', type: 'link', link: 'bin/busybox' }),
    member({ path: 'kept', type: 'symlink', link: outside }),
    member({ path: 'kept/.wh.canary' }),
    member({ path: `../../../../../../../..${outside}/.wh.secret.txt` }),
    endOfArchive,
  ]);
}

type Spec = { readonly path: string } & Partial<Pick<TarEntry, 'type' | 'mode'>> & { readonly link?: string };

function member(spec: Spec, content: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(content);
  const { path, type = 'file', mode = 0o644, link = '' } = spec;
  const header = formatHeader({
    path: bytesOf(path),
    type,
    mode,
    uid: 0,
    gid: 0,
    size: bytes.length,
    mtime: { sec: 0, nsec: 0 },
    link: bytesOf(link),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  });
  return Buffer.concat([header, bytes, Buffer.alloc(paddingOf(bytes.length))]);
}

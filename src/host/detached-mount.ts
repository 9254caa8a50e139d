import { closeFd } from './libc.ts';
import type { DetachedMount } from './mounts.ts';

/** Takes over the descriptor of a mount that fsmount or open_tree gave. */
export function openDetached(fd: number): DetachedMount {
  let open = true;
  const close = (): void => {
    if (open) closeFd(fd);
    open = false;
  };
  return { fd, path: `/proc/self/fd/${fd}`, close, [Symbol.dispose]: close };
}

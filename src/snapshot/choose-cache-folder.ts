import type { CacheMountRequest } from './cache-mounts.ts';

/** A folder of a cache at one moment. One that is not there and held is being filled. */
export interface CacheFolderState {
  readonly isThere: boolean;
  readonly hold: 'free' | 'shared' | 'exclusive';
}

/**
 * The number of the folder that a step is to have, undefined where it has to wait. `folders` are all by their number, the
 * last one free and not there.
 */
export function chooseCacheFolder(
  sharing: CacheMountRequest['sharing'],
  folders: readonly CacheFolderState[],
): number | undefined {
  switch (sharing) {
    case 'locked':
      return folders[0]?.hold === 'free' ? 0 : undefined;
    case 'private':
      return found(folders.findIndex(({ hold }) => hold === 'free'));
    case 'shared':
      return found(folders.findIndex(({ isThere, hold }) => isThere && hold === 'shared')) ?? firstToShare(folders);
  }
}

/** Who fills a folder may be going to share it. */
function firstToShare(folders: readonly CacheFolderState[]): number | undefined {
  const number = folders.findIndex(({ isThere, hold }) => !isThere || hold !== 'exclusive');
  return folders[number]?.hold === 'free' ? number : undefined;
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index;
}

import { readdirSync, readlinkSync } from 'node:fs';

/** The processes that have the file at `path` open now, this one included; those of other users only as root. */
export function processesWithOpen(path: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => linksOf(`/proc/${pid}/fd`).includes(path)).map(Number);
}

/** A process may end, and close what it has open, while it is looked at. */
function linksOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).flatMap((name) => linkAt(`${folder}/${name}`));
  } catch {
    return [];
  }
}

function linkAt(path: string): readonly string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    return [];
  }
}

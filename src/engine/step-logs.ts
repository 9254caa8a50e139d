import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isLocked } from '../host/index.ts';
import { diskUsage } from './disk-usage.ts';

/** What a RUN wrote when it last ran, as a file of the store. */
export interface StepLogFile {
  /** Path below the store. */
  readonly name: string;
  readonly sizeBytes: number;
  /** A build is at that RUN now. */
  readonly isOpen: boolean;
}

/** The folder of the logs, in which each RUN has one. */
export function stepLogFolder(root: string): string {
  return join(root, 'logs');
}

export function listStepLogs(root: string): readonly StepLogFile[] {
  const folder = stepLogFolder(root);
  const names = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return names.map((name) => {
    const path = join(folder, name);
    return { name: `logs/${name}`, sizeBytes: diskUsage(path), isOpen: isLocked(path) };
  });
}

/** Deletes those that no build is writing, and tells which. */
export function removeStepLogs(root: string): readonly StepLogFile[] {
  const closed = listStepLogs(root).filter(({ isOpen }) => !isOpen);
  for (const { name } of closed) rmSync(join(root, name), { force: true });
  return closed;
}

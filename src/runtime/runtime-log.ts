import { readFileSync } from 'node:fs';
import type { ContainerOutcome } from './oci-runtime.ts';

/** The last error that a runtime wrote to its JSON log; undefined where it logged none. */
export function lastLoggedError(path: string): string | undefined {
  const lines = readIfThere(path).split('\n').toReversed();
  for (const line of lines) {
    const message = errorIn(line);
    if (message !== undefined) return message;
  }
  return undefined;
}

/**
 * Whether a runtime's message says that the command itself is to blame, by the words that Docker looks for too. Only
 * what stands after `exec: "<command>": ` counts: a missing mount source is no missing command.
 */
export function commandFailure(message: string): Extract<ContainerOutcome, { kind: 'not-started' }> | undefined {
  const reason = /exec: ("(?:[^"\\]|\\.)*": .*)$/s.exec(message)?.[1];
  if (reason === undefined) return undefined;
  if (/executable file not found|no such file or directory/.test(reason)) {
    return { kind: 'not-started', code: 127, message: reason };
  }
  if (/permission denied|is a directory|exec format error|not a directory/.test(reason)) {
    return { kind: 'not-started', code: 126, message: reason };
  }
  return undefined;
}

function errorIn(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown } | null;
    const failed = entry?.level === 'error' || entry?.level === 'fatal';
    return failed && typeof entry.msg === 'string' ? entry.msg : undefined;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

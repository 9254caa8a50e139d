import type { Expander } from './expander.ts';
import type { AddInstruction, CopyInstruction } from '../dockerfile/index.ts';
import { posix } from 'node:path';

/** A COPY or ADD with everything expanded: what is to be done, before anything was looked at. */
export interface CopyPlan {
  readonly kind: 'copy' | 'add';
  /** Paths and patterns, relative to the source tree's root. */
  readonly sources: readonly string[];
  /** Here-documents: files of this name and content. */
  readonly inlineFiles: readonly { readonly name: string; readonly content: string }[];
  /** Absolute; ends in a slash where it was written so. */
  readonly destination: string;
  /** As written: `user:group`, `1000`. */
  readonly chown: string | undefined;
  /** As written: octal. */
  readonly chmod: string | undefined;
}

/** Expands the words of the instruction. `workdir`: what a relative destination is relative to. */
export function copyPlan(instruction: CopyInstruction | AddInstruction, expand: Expander, workdir: string): CopyPlan {
  const { kind, sources, inlineFiles, destination, chown, chmod } = instruction;
  return {
    kind,
    sources: sources.map(expand.word),
    inlineFiles: inlineFiles.map((file) => ({ name: file.name, content: expand.inlineFile(file) })),
    destination: absoluteDestination(expand.word(destination), workdir),
    chown: chown === undefined ? undefined : expand.word(chown),
    chmod: chmod === undefined ? undefined : expand.word(chmod),
  };
}

/** `.` and names that end in a slash mean a directory. */
function absoluteDestination(destination: string, workdir: string): string {
  const path = posix.resolve(workdir, destination);
  const isDirectory = /(^|\/)\.{0,2}$/.test(destination) || destination.endsWith('/');
  return isDirectory && path !== '/' ? `${path}/` : path;
}

import { posix } from 'node:path';
import type { AddInstruction, CopyInstruction } from '../../dockerfile/index.ts';
import { readCopyWords, withoutCredentials, type CopyWord } from './copy-words.ts';
import type { Expander } from '../lowering/expander.ts';

/** A COPY or ADD with everything expanded: what is to be done, before anything was looked at. */
export interface CopyPlan {
  /** In the order of the instruction. */
  readonly words: readonly CopyWord[];
  /** The words, for the history. */
  readonly sources: readonly string[];
  /** Here-documents: files of this name and content. */
  readonly inlineFiles: readonly { readonly name: string; readonly content: string }[];
  /** Absolute; ends in a slash where it was written so. */
  readonly destination: string;
  /** As written: `user:group`, `1000`. */
  readonly chown: string | undefined;
  /** As written: octal, or letters. */
  readonly chmod: string | undefined;
  /** Patterns of what is left out of each directory, relative to it. */
  readonly excludes: readonly string[];
  /** Paths keep the folders that lead to them, from the root or from their `/./` on. */
  readonly keepsParents: boolean;
  /** A directory is copied with itself: the one that is made for its contents has its owner, mode, time and attributes. */
  readonly keepsRoot: boolean;
  /** Which files are unpacked where they are archives: those of trees, those by URL. */
  readonly unpacks: { readonly paths: boolean; readonly urls: boolean };
}

/**
 * Expands the words of the instruction. `workdir`: what a relative destination is relative to. Fault `invalid` without a
 * place for words that make no sense together.
 */
export function copyPlan(instruction: CopyInstruction | AddInstruction, expand: Expander, workdir: string): CopyPlan {
  const { inlineFiles, destination, chown, chmod, excludes } = instruction;
  const sources = instruction.sources.map(expand.word);
  const add = instruction.kind === 'add' ? instruction : undefined;
  const checksum = add?.checksum === undefined ? undefined : expand.word(add.checksum);
  return {
    words: readCopyWords(instruction, sources, checksum || undefined),
    sources: sources.map(withoutCredentials),
    inlineFiles: inlineFiles.map((file) => ({ name: file.name, content: expand.inlineFile(file) })),
    destination: absoluteDestination(expand.word(destination), workdir),
    chown: (chown && expand.word(chown)) || undefined,
    chmod: (chmod && expand.word(chmod)) || undefined,
    excludes: excludes.map((word) => word.text),
    keepsParents: instruction.kind === 'copy' && instruction.parents,
    keepsRoot: false,
    unpacks: { paths: add !== undefined && add.unpack !== false, urls: add?.unpack === true },
  };
}

/** What is at one path, as it is. `destination` is absolute. */
export function plainCopyPlan(path: string, destination: string): CopyPlan {
  const text = path.replaceAll(/[*?[\\]/g, '\\$&');
  return {
    words: [{ kind: 'path', text }],
    sources: [text],
    inlineFiles: [],
    destination,
    chown: undefined,
    chmod: undefined,
    excludes: [],
    keepsParents: false,
    keepsRoot: true,
    unpacks: { paths: false, urls: false },
  };
}

/** `.` and names that end in a slash mean a directory. */
function absoluteDestination(destination: string, workdir: string): string {
  const path = posix.resolve(workdir, destination);
  const isDirectory = /(^|\/)\.{0,2}$/.test(destination) || destination.endsWith('/');
  return isDirectory && path !== '/' ? `${path}/` : path;
}

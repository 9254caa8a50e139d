import type { AddInstruction, CopyInstruction } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { parseDigest, type Digest } from '../../oci/index.ts';
import { isWebUrl, parseGitUrl, type GitReference } from '../../source/index.ts';

/** One word of a COPY or ADD that says what to take. */
export type CopyWord =
  /** A path or a pattern, relative to the root of the context or of what `--from` names. */
  | { readonly kind: 'path'; readonly text: string }
  | { readonly kind: 'url'; readonly url: string; readonly checksum: Digest | undefined }
  | { readonly kind: 'git'; readonly reference: GitReference };

/**
 * What the sources of an instruction are, given expanded and in their order. Fault `invalid` for what cannot be copied, with BuildKit's
 * words; none of them has a place yet.
 */
export function readCopyWords(
  instruction: CopyInstruction | AddInstruction,
  sources: readonly string[],
  checksum: string | undefined,
): readonly CopyWord[] {
  const words = sources.map(copyWord);
  if (instruction.kind === 'copy') {
    refuseRemote(words);
    return words;
  }
  if (checksum !== undefined) refuseChecksum(words);
  const { keepGitDir } = instruction;
  return words.map((word) => (word.kind === 'path' ? word : withFlags(word, { checksum, keepGitDir })));
}

/** The text of an instruction as progress, records and the history may have it: URLs without names and passwords. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"']*@/gi, '$1');
}

function copyWord(text: string): CopyWord {
  const reference = parseGitUrl(text);
  if (reference !== undefined && !reference.isShorthand) return { kind: 'git', reference };
  return isWebUrl(text) ? { kind: 'url', url: text, checksum: undefined } : { kind: 'path', text };
}

function refuseRemote(words: readonly CopyWord[]): void {
  const remote = words.find(({ kind }) => kind !== 'path');
  if (remote === undefined) return;
  throw new Fault('invalid', `source can't be a ${remote.kind === 'git' ? 'git ref' : 'URL'} for COPY`, {
    hint: 'ADD takes remote sources',
  });
}

function refuseChecksum(words: readonly CopyWord[]): void {
  if (words.length !== 1) throw new Fault('invalid', "checksum can't be specified for multiple sources");
  if (words[0]?.kind === 'path') throw new Fault('invalid', 'checksum requires HTTP(S) or Git sources');
}

interface RemoteFlags {
  readonly checksum: string | undefined;
  readonly keepGitDir: boolean | undefined;
}

function withFlags(word: Exclude<CopyWord, { kind: 'path' }>, { checksum, keepGitDir }: RemoteFlags): CopyWord {
  if (word.kind === 'url') return { ...word, checksum: checksum === undefined ? undefined : parseDigest(checksum) };
  const { reference } = word;
  if (checksum !== undefined && reference.checksum !== undefined && checksum !== reference.checksum) {
    throw new Fault('invalid', `checksum mismatch "${checksum}" != "${reference.checksum}"`);
  }
  if (keepGitDir !== undefined && reference.keepGitDir !== undefined && keepGitDir !== reference.keepGitDir) {
    throw new Fault('invalid', 'inconsistent keep-git-dir configuration');
  }
  return {
    kind: 'git',
    reference: {
      ...reference,
      checksum: reference.checksum ?? checksum,
      keepGitDir: reference.keepGitDir ?? keepGitDir,
    },
  };
}

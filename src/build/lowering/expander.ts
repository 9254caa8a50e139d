import {
  expandHeredoc,
  expandWord,
  expandWords,
  type ExpandOptions,
  type Expansion,
  type InlineFile,
  type InstructionBase,
  type Word,
} from '../../dockerfile/index.ts';
import { instructionFault, type DockerfileSource } from './instruction-fault.ts';

/** The expansion of one instruction's words, with the variables as they were before it. A failure shows the place. */
export interface Expander {
  word(word: Word): string;
  text(text: string): string;
  /** Split at blanks that the expansion brought about. */
  words(word: Word): readonly string[];
  inlineFile(file: InlineFile): string;
  /** The result as it is, for those who report the failure themselves. */
  readonly attempt: (text: string) => Expansion;
}

export function expanderFor(source: DockerfileSource, instruction: InstructionBase, options: ExpandOptions): Expander {
  const failed = (message: string): Error => instructionFault(source, instruction, { message });
  const text = (raw: string): string => {
    const result = expandWord(raw, options);
    if (result.kind === 'failed') throw failed(result.message);
    return result.value;
  };
  return {
    text,
    word: (word) => text(word.text),
    words: (word) => {
      const result = expandWords(word.text, options);
      if (result.kind === 'failed') throw failed(result.message);
      return result.words;
    },
    inlineFile: (file) => {
      if (!file.expand) return file.content;
      const result = expandHeredoc(file.content, options);
      if (result.kind === 'failed') throw failed(result.message);
      return result.value;
    },
    attempt: (raw) => expandWord(raw, options),
  };
}

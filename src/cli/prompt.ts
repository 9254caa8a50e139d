import { Fault } from '../errors/index.ts';
import type { InputStream, Output } from './output.ts';

export interface PromptStreams {
  readonly stdin: InputStream;
  readonly stderr: Output;
}

/** More than this is no answer of a person. */
const maxAnswerChars = 64 * 1024;

/** Asks a person at a terminal. Fault `invalid` where there is none. */
export class Prompt {
  readonly #streams: PromptStreams;
  readonly #chunks: AsyncIterator<Uint8Array | string>;
  #unread = '';

  constructor(streams: PromptStreams) {
    this.#streams = streams;
    this.#chunks = streams.stdin[Symbol.asyncIterator]();
  }

  /** An answer that may be seen. */
  async line(question: string): Promise<string> {
    this.#ask(question);
    return (await this.#until(/\r?\n|\r/)).trim();
  }

  /** An answer that is not shown while it is typed. */
  async hidden(question: string): Promise<string> {
    const { stdin, stderr } = this.#streams;
    this.#ask(question);
    stdin.setRawMode?.(true);
    try {
      return edited(await this.#until(/[\r\n]/));
    } finally {
      stdin.setRawMode?.(false);
      stderr.print('\n');
    }
  }

  /** All that comes, for what is no terminal. */
  async rest(): Promise<string> {
    const chunks: Buffer[] = [];
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
      chunks.push(Buffer.from(next.value));
      if (chunks.reduce((sum, { length }) => sum + length, 0) > maxAnswerChars) throw tooLong();
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #ask(question: string): void {
    const { stdin, stderr } = this.#streams;
    if (stdin.isTTY !== true) {
      throw new Fault('invalid', 'Cannot perform an interactive login from a non TTY device', {
        hint: 'give --username and --password-stdin',
      });
    }
    stderr.print(question);
  }

  async #until(end: RegExp): Promise<string> {
    for (;;) {
      const match = end.exec(this.#unread);
      if (match !== null) {
        const answer = this.#unread.slice(0, match.index);
        this.#unread = this.#unread.slice(match.index + match[0].length);
        return answer;
      }
      if (this.#unread.length > maxAnswerChars) throw tooLong();
      const next = await this.#chunks.next();
      const text = next.done === true ? undefined : Buffer.from(next.value).toString('utf8');
      if (text === undefined || text.includes(interrupt) || text.includes(endOfInput)) return this.#ended(text);
      this.#unread += text;
    }
  }

  #ended(text: string | undefined): string {
    if (text?.includes(interrupt) === true) throw new Fault('cancelled', 'interrupted');
    const answer = this.#unread;
    this.#unread = '';
    return answer;
  }
}

/** Ctrl-C and Ctrl-D: a terminal that does not treat its input gives them as characters. */
const [interrupt, endOfInput] = ['\u0003', '\u0004'] as const;

function tooLong(): Fault {
  return new Fault('invalid', 'the answer is too long');
}

/** Backspace takes back what was typed. */
function edited(typed: string): string {
  const kept: string[] = [];
  for (const character of typed) {
    if (character === '\x7f' || character === '\b') kept.pop();
    else kept.push(character);
  }
  return kept.join('');
}

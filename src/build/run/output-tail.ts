/** The last lines of what a command wrote, whatever its size. */
export class OutputTail {
  #text = '';
  #isCut = false;

  add(bytes: Uint8Array): void {
    const text = this.#text + Buffer.from(bytes).toString('latin1');
    this.#isCut ||= text.length > keptBytes;
    this.#text = text.slice(-keptBytes);
  }

  /** Whether the command wrote more than `lines` gives. */
  get isCut(): boolean {
    return this.#isCut || this.#shown().length > keptLines;
  }

  /** At most ten, without line ends and control characters. */
  lines(): readonly string[] {
    return this.#shown().slice(-keptLines);
  }

  #shown(): readonly string[] {
    const text = Buffer.from(this.#text, 'latin1').toString('utf8');
    const lines = text.split('\n').map((line) => line.split('\r').at(-1) ?? '');
    // oxlint-disable-next-line no-control-regex
    const shown = lines.map((line) => line.replaceAll(/[\x00-\x08\x0b-\x1f\x7f]/g, '').trimEnd());
    return shown.filter((line) => line !== '');
  }
}

const keptBytes = 8192;
const keptLines = 10;

/** A line longer than this is cut, so that no command can fill the memory. */
const longestLine = 64 * 1024;

export interface LineSplitter {
  /** The lines that `bytes` complete. */
  push(bytes: Uint8Array): readonly string[];
  /** What came after the last newline. */
  end(): readonly string[];
}

/** Output in pieces of any size → whole lines of text. A carriage return before the newline goes; UTF-8 may be cut anywhere. */
export function createLineSplitter(): LineSplitter {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    push: (bytes) => {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > longestLine) {
        lines.push(rest);
        rest = '';
      }
      return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    },
    end: () => {
      const last = rest + decoder.decode();
      rest = '';
      return last === '' ? [] : [last];
    },
  };
}

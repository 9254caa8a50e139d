/**
 * Takes secrets out of a stream: `***` stands where one was. Only exact occurrences are found, also where they are cut into
 * several chunks; a secret that a command encodes, wraps or prints in parts is not. A line end that ends a secret
 * does not count as part of it. Secrets of fewer than four bytes are left: what they hide would be guessed at once.
 *
 * What may be the beginning of a secret is held back until the next chunk or `end` tells.
 */
export class SecretMask {
  /** Longest first: of two secrets that begin alike the longer is taken out whole. */
  readonly #secrets: readonly Buffer[];
  #held: Buffer = Buffer.alloc(0);

  constructor(secrets: readonly Uint8Array[]) {
    const shown = secrets.map((secret) => withoutLineEnds(Buffer.from(secret)));
    this.#secrets = shown
      .filter((secret) => secret.length >= fewestBytes)
      .toSorted((a, b) => b.length - a.length || Buffer.compare(a, b));
  }

  /** What can be shown by now. */
  add(chunk: Uint8Array): Uint8Array {
    if (this.#secrets.length === 0) return chunk;
    return this.#take(Buffer.concat([this.#held, chunk]), (rest) => this.#safeEnd(rest));
  }

  /** What was held back: nothing follows. */
  end(): Uint8Array {
    return this.#take(this.#held, (rest) => rest.length);
  }

  /** Holds back what stands from `endOf(rest)` on, where that is no secret already before. */
  #take(bytes: Buffer, endOf: (rest: Buffer) => number): Uint8Array {
    const shown: Buffer[] = [];
    let rest = bytes;
    let end = endOf(rest);
    for (let found = this.#first(rest); found !== undefined && found.at < end; found = this.#first(rest)) {
      shown.push(rest.subarray(0, found.at), mark);
      rest = rest.subarray(found.at + found.length);
      end = endOf(rest);
    }
    shown.push(rest.subarray(0, end));
    this.#held = rest.subarray(end);
    return Buffer.concat(shown);
  }

  /** Of two that begin at one place the longer. */
  #first(bytes: Buffer): { readonly at: number; readonly length: number } | undefined {
    let first: { readonly at: number; readonly length: number } | undefined;
    for (const { at, length } of this.#secrets.map((secret) => ({
      at: bytes.indexOf(secret),
      length: secret.length,
    }))) {
      if (at >= 0 && (first === undefined || at < first.at)) first = { at, length };
    }
    return first;
  }

  /** Where the first thing begins that the next bytes may complete to a secret. */
  #safeEnd(bytes: Buffer): number {
    let end = bytes.length;
    for (const secret of this.#secrets) {
      const start = Math.max(0, bytes.length - secret.length + 1);
      for (
        let at = bytes.indexOf(secret[0] ?? 0, start);
        at >= 0 && at < end;
        at = bytes.indexOf(secret[0] ?? 0, at + 1)
      ) {
        if (bytes.compare(secret, 0, bytes.length - at, at) === 0) end = at;
      }
    }
    return end;
  }
}

function withoutLineEnds(secret: Buffer): Buffer {
  let end = secret.length;
  while (end > 0 && (secret[end - 1] === 0x0a || secret[end - 1] === 0x0d)) end -= 1;
  return secret.subarray(0, end);
}

const fewestBytes = 4;
const mark = Buffer.from('***');

/** A request as the protocol sees it. */
export interface RegistryRequest {
  /** In capitals. */
  readonly method: string;
  /** Of the URL, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** A header by its name in lower case; several of one name are joined with commas. */
  readonly header: (name: string) => string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Undefined for an answer without one, also to HEAD, where the headers are those of GET. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Why it is a refusal, for the log. */
  readonly reason?: string;
}

/** By their names in lower case; a list is sent as several headers. */
export type AnswerHeaders = Readonly<Record<string, string | string[]>>;

/** An answer of JSON; `headers` may name another media type. */
export function jsonAnswer(status: number, value: unknown, headers: AnswerHeaders = {}): RegistryAnswer {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  return {
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length), ...headers },
    body,
  };
}

/** An answer that is all headers. */
export function emptyAnswer(status: number, headers: AnswerHeaders = {}): RegistryAnswer {
  const length: AnswerHeaders = status === 204 || status === 304 ? {} : { 'content-length': '0' };
  return { status, headers: { ...length, ...headers }, body: undefined };
}

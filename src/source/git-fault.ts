import { Fault, type FaultCode } from '../errors/index.ts';

/** What git failed with, as it says itself: the first of its lines that names a reason. */
export function gitFault(lines: readonly string[]): Fault {
  const reason = lines.find((line) => /^(fatal|error|remote: error|ssh): /i.test(line));
  const refusal = lines.find((line) => /permission denied|host key verification failed/i.test(line));
  const line = refusal ?? reason ?? lines.at(-1) ?? 'git failed without a word';
  const { code, hint } = kinds.find(({ words }) => words.test(line)) ?? { code: 'unavailable', hint: undefined };
  const text = line.replace(/^(fatal|error): /i, '');
  return new Fault(code, text, { cause: new GitOutput(lines), ...(hint !== undefined && { hint }) });
}

/** True if one of git's lines is like this. */
export function saysGit(error: unknown, pattern: RegExp): boolean {
  return Fault.is(error) && error.cause instanceof GitOutput && error.cause.lines.some((line) => pattern.test(line));
}

class GitOutput extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

interface Kind {
  readonly words: RegExp;
  readonly code: FaultCode;
  readonly hint: string | undefined;
}

const kinds: readonly Kind[] = [
  {
    words: /authentication failed|could not read (username|password)|terminal prompts disabled/i,
    code: 'unauthenticated',
    hint: 'it does not exist, or its server wants to know who asks: https://USER:TOKEN@…',
  },
  {
    words: /permission denied/i,
    code: 'denied',
    hint: 'keys for ssh come from an agent: pass it with --ssh default',
  },
  {
    words: /host key verification failed/i,
    code: 'denied',
    hint: 'the host showed another key than the one it is known by',
  },
  { words: /returned error: 403/i, code: 'denied', hint: 'the server does not let this repository be read' },
  {
    words: /repository .* not found|does not appear to be a git repository|returned error: 404|not exported/i,
    code: 'not-found',
    hint: 'see that the URL is right',
  },
  { words: /no space left/i, code: 'exhausted', hint: 'the disk is full' },
  { words: /transport '.*' not allowed/i, code: 'denied', hint: 'http, https, ssh and git are' },
];

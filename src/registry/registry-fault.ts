import type { FaultCode } from '../errors/index.ts';
import { Fault } from '../errors/index.ts';
import { transientFault, type HttpAnswer } from '../http/index.ts';
import { fieldsOf, listAt, parseJsonObject, textAt } from '../oci/index.ts';
import { readAll } from '../std/index.ts';

/** A refusal; its fault is a transient one where asking again may help. */
export interface StatusFault {
  readonly fault: Fault;
  /** The other side asked to wait so long (`Retry-After`). */
  readonly afterMs: number | undefined;
}

const maxErrorBytes = 64 * 1024;

/**
 * Turns an answer that is no success into a Fault which says `what` was asked for, what the registry said about it
 * (distribution-spec "Error Codes") and what a person can do. Reads the answer's body.
 */
export async function statusFault(answer: HttpAnswer, what: string, registry: string): Promise<StatusFault> {
  const said = await registryMessage(answer);
  const kind = kindOf(answer.status, said.codes);
  const message = `${what}: ${kind.text}${said.text === '' ? '' : ` (${said.text})`}`;
  const hint = kind.hint(registry);
  return {
    fault: kind.transient ? transientFault(message, { hint }) : new Fault(kind.code, message, { hint }),
    afterMs: retryAfterMs(answer.headers),
  };
}

interface StatusKind {
  readonly code: FaultCode;
  readonly text: string;
  readonly transient: boolean;
  readonly hint: (registry: string) => string;
}

const kinds: ReadonlyMap<number, StatusKind> = new Map<number, StatusKind>([
  [
    401,
    {
      code: 'unauthenticated',
      text: 'refused without login',
      transient: false,
      hint: (registry) => `it does not exist, or a login to ${registry} is needed to see it`,
    },
  ],
  [
    403,
    {
      code: 'denied',
      text: 'access denied',
      transient: false,
      hint: (registry) => `see that the name is right and that your account on ${registry} may do this`,
    },
  ],
  [404, { code: 'not-found', text: 'not found', transient: false, hint: () => 'see that name and tag are right' }],
  [
    429,
    {
      code: 'unavailable',
      text: 'too many requests',
      transient: true,
      hint: (registry) => `wait a while; a login to ${registry} may raise the limit`,
    },
  ],
]);

/** Error codes of the specification that say more than the status. */
const codes: ReadonlyMap<string, FaultCode> = new Map<string, FaultCode>([
  ['DIGEST_INVALID', 'corrupt'],
  ['SIZE_INVALID', 'corrupt'],
  ['MANIFEST_BLOB_UNKNOWN', 'invalid'],
  ['MANIFEST_INVALID', 'invalid'],
  ['NAME_INVALID', 'invalid'],
  ['UNSUPPORTED', 'unsupported'],
]);

function kindOf(status: number, said: readonly string[]): StatusKind {
  const known = kinds.get(status);
  if (known !== undefined) return known;
  const code = said.map((each) => codes.get(each)).find((each) => each !== undefined);
  if (code !== undefined && status < 500) {
    return { code, text: 'refused', transient: false, hint: () => 'see what the registry says about it' };
  }
  const transient = status >= 500 || status === 408;
  const text = `the registry answered with status ${status}`;
  const hint = transient ? 'try again later' : 'see that what is asked there is a registry';
  return { code: 'unavailable', text, transient, hint: () => hint };
}

/** What the registry itself says, cut short and without control characters: it is shown on terminals. */
async function registryMessage(answer: HttpAnswer): Promise<RegistryMessage> {
  try {
    const fields = parseJsonObject(await readAll(answer.body, maxErrorBytes));
    const errors = listAt(fields, 'errors', (value, path) => {
      const error = fieldsOf(value, path);
      return { code: textAt(error, 'code') ?? '', message: textAt(error, 'message') ?? '' };
    });
    // Docker Hub's token server has its own way: `{"details": …}`.
    const own = textAt(fields, 'details') ?? textAt(fields, 'message') ?? '';
    const texts = errors?.map(({ code, message }) => message || code) ?? [own];
    return {
      text: printable(texts.filter((text) => text !== '').join(', ')),
      codes: errors?.map(({ code }) => code) ?? [],
    };
  } catch (error) {
    if (Fault.is(error, 'cancelled')) throw error;
    return { text: '', codes: [] };
  }
}

interface RegistryMessage {
  readonly text: string;
  readonly codes: readonly string[];
}

function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const clean = text.replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim();
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

/** Seconds, or a date (RFC 9110 section 10.2.3), which counts from the time that the same server says it is. */
function retryAfterMs({ 'retry-after': header = '', date = '' }: HttpAnswer['headers']): number | undefined {
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const waitMs = Date.parse(header) - Date.parse(date);
  return header.endsWith('GMT') && waitMs >= 0 ? waitMs : undefined;
}

import { Fault, type FaultCode } from '../errors/index.ts';
import { transientFault } from '../http/index.ts';

/** What an answer that is no success says of a file. Transient where asking again may help. */
export function statusFault(status: number): Fault {
  const message = `invalid response status ${status}`;
  if (status === 408 || status === 429 || status >= 500) return transientFault(message, { hint: 'try again later' });
  const { code, hint } = refusals.get(status) ?? { code: 'unavailable', hint: 'see that the URL is right' };
  return new Fault(code, message, { hint });
}

const refusals: ReadonlyMap<number, { readonly code: FaultCode; readonly hint: string }> = new Map([
  [401, { code: 'unauthenticated', hint: 'the server wants to know who asks' }],
  [403, { code: 'denied', hint: 'the server does not let this file be read' }],
  [404, { code: 'not-found', hint: 'see that the URL is right' }],
  [410, { code: 'not-found', hint: 'the file is gone from there' }],
]);

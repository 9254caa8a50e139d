import type { Timestamp } from '../std/index.ts';

/** The time of an HTTP header (RFC 9110 section 5.6.7, all three forms); undefined where it is none. */
export function parseHttpTime(text: string | undefined): Timestamp | undefined {
  if (text === undefined || !forms.some((form) => form.test(text))) return undefined;
  const timeMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(timeMs) ? undefined : { sec: Math.floor(timeMs / 1000), nsec: 0 };
}

const forms = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

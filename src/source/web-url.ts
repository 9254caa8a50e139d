import { Fault } from '../errors/index.ts';

/** A URL as it is asked for: the credentials apart, nothing that only the asker understands. */
export interface WebUrl {
  /** Without credentials and fragment. */
  readonly url: URL;
  /** The `Authorization` header that its user and password make. */
  readonly authorization: string | undefined;
}

/** True for what an ADD downloads if it is no git repository. */
export function isWebUrl(text: string): boolean {
  return text.startsWith('http://') || text.startsWith('https://');
}

/** Fault `invalid` for what is no URL, `unsupported` for a scheme other than http and https. */
export function parseWebUrl(text: string): WebUrl {
  const url = URL.parse(text);
  if (url === null) throw new Fault('invalid', `fetch ${shownUrl(text)}: it is no URL`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const scheme = url.protocol.slice(0, -1);
    throw new Fault('unsupported', `fetch ${shownUrl(text)}: files are fetched by http and https, not ${scheme}`);
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  url.hash = '';
  const basic = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { url, authorization: username === '' && password === '' ? undefined : `Basic ${basic}` };
}

/** A URL as messages may show it: without credentials and control characters. */
export function shownUrl(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const clean = text.replaceAll(/[\x00-\x1f\x7f]/g, ' ');
  // Where a password has a slash that was not escaped, nobody can tell where it ends: at the last @, to be safe.
  const credentials = URL.canParse(text) ? /^([a-z][a-z0-9+.-]*:[/\\]*)[^/\\?#]*@/i : /^([a-z][a-z0-9+.-]*:[/\\]*).*@/i;
  return clean.replace(credentials, '$1');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

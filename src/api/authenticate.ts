import type { IncomingMessage } from 'node:http';
import type { PasswordFile } from './password-file.ts';

/** Whether a request says who it is from, by basic authentication (RFC 7617), and that is somebody known. */
export async function isAuthenticated(request: IncomingMessage, passwords: PasswordFile): Promise<boolean> {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]{1,4096})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return false;
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  return colon > 0 && passwords.accepts(credentials.slice(0, colon), credentials.slice(colon + 1));
}

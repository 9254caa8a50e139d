import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { fieldsOf, objectAt, parseJsonObject, textAt, textMapAt, type Fields } from '../oci/index.ts';
import type { Credentials } from './authorizer.ts';

/** What a `config.json` of Docker, or an `auth.json` of Podman, has. */
export interface CredentialFile {
  /** By what the file calls the registry, or a part of it. */
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Names that are in the file and whose credentials a helper may have. */
  readonly credsStore: string | undefined;
  readonly credHelpers: Readonly<Record<string, string>>;
}

const maxFileBytes = 1024 * 1024;

/** Undefined where there is no such file. */
export function readCredentialFile(path: string): CredentialFile | undefined {
  const fields = readFields(path);
  if (fields === undefined) return undefined;
  try {
    return {
      auths: authsIn(fields),
      credsStore: textAt(fields, 'credsStore'),
      credHelpers: textMapAt(fields, 'credHelpers') ?? {},
    };
  } catch (error) {
    throw Fault.wrap(`read ${path}`, error);
  }
}

/** The file's JSON object. */
export function readFields(path: string): Fields | undefined {
  let bytes;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    throw new Fault('denied', `read ${path}: ${code}`, { cause: error });
  }
  // A message of a JSON parser shows what it could not read: here that may be a password.
  try {
    if (bytes.length > maxFileBytes) throw new Fault('exhausted', 'too large');
    return parseJsonObject(bytes.length === 0 ? Buffer.from('{}') : bytes);
  } catch {
    throw new Fault('invalid', `read ${path}: it is not a JSON object`, {
      hint: 'repair the file, or log in again after moving it away',
    });
  }
}

function authsIn(fields: Fields): ReadonlyMap<string, Credentials> {
  const auths = objectAt(fields, 'auths');
  const found = new Map<string, Credentials>();
  if (auths === undefined) return found;
  for (const name of Object.keys(auths.values)) {
    const credentials = credentialsIn(fieldsOf(auths.values[name], `auths.${name}`));
    if (credentials !== undefined) found.set(name, credentials);
  }
  return found;
}

/** An entry may be empty: then a helper has what belongs to it. */
function credentialsIn(entry: Fields): Credentials | undefined {
  const identityToken = textAt(entry, 'identitytoken');
  if (identityToken) return { identityToken };
  const [username, password] = [textAt(entry, 'username'), textAt(entry, 'password')];
  if (username && password) return { username, password };
  const decoded = Buffer.from(textAt(entry, 'auth') ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') };
}

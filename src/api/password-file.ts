import { randomBytes, createHmac } from 'node:crypto';
import { Fault } from '../errors/index.ts';
import { createLimit } from '../std/index.ts';

/** Who may use a server: the accounts of an htpasswd file. */
export interface PasswordFile {
  /** True if the account is there and has this password. Takes as long for an account that is not there. */
  accepts(username: string, password: string): Promise<boolean>;
}

/**
 * Reads an htpasswd file: `name:hash` a line, hashes of bcrypt (`htpasswd -B`). Empty lines and those that begin with `#` do not
 * count. Fault `invalid` names the line that is something else, such as one with a hash that is broken these days.
 */
export function parsePasswordFile(content: string): PasswordFile {
  const accounts = new Map<string, string>();
  for (const [at, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, hash] = /^([^:]{1,255}):(\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53})$/.exec(line.trim()) ?? [];
    if (name === undefined || hash === undefined) throw notAnAccount(at + 1);
    accounts.set(name, hash);
  }
  if (accounts.size === 0) throw new Fault('invalid', 'read password file: it has no accounts');
  return new Accounts(accounts);
}

/** Each password is checked by bcrypt once; then a keyed hash that only this process can make stands for it. */
class Accounts implements PasswordFile {
  readonly #accounts: ReadonlyMap<string, string>;
  readonly #key = randomBytes(32);
  readonly #accepted = new Set<string>();
  readonly #limit = createLimit(2);

  constructor(accounts: ReadonlyMap<string, string>) {
    this.#accounts = accounts;
  }

  async accepts(username: string, password: string): Promise<boolean> {
    const mark = createHmac('sha256', this.#key).update(`${username}:${password}`).digest('hex');
    if (this.#accepted.has(mark)) return true;
    const hash = this.#accounts.get(username);
    const [anyHash = ''] = this.#accounts.values();
    const isRight = await this.#limit(() => matches(password, hash ?? anyHash));
    if (hash === undefined || !isRight) return false;
    this.#accepted.add(mark);
    return true;
  }
}

/** bcrypt looks at 72 bytes: a longer password is refused, since another one would do as well. */
async function matches(password: string, hash: string): Promise<boolean> {
  const { compare, truncates } = await import('bcryptjs');
  return !truncates(password) && compare(password, hash);
}

function notAnAccount(line: number): Fault {
  return new Fault('invalid', `read password file: line ${line} is not NAME:HASH with a hash of bcrypt`, {
    hint: "'htpasswd -B FILE NAME' writes one",
  });
}

import { Fault } from '../errors/index.ts';
import { findExecutable, run, type RunResult } from '../host/index.ts';
import { parseJsonObject, textAt } from '../oci/index.ts';
import type { Credentials } from './authorizer.ts';

/** A program that keeps credentials, by Docker's protocol: `docker-credential-NAME get|store|erase`. */
export interface CredentialHelper {
  readonly program: string;
  /** Undefined where it has nothing for the server. */
  get(server: string): Promise<Credentials | undefined>;
  store(server: string, credentials: Credentials): Promise<void>;
  erase(server: string): Promise<void>;
}

const timeoutMs = 60_000;
const maxOutputBytes = 64 * 1024;

/** `name` is what stands in the file. Fault `invalid` if it is no name, `not-found` if there is no such program. */
export function credentialHelper(name: string, env: Readonly<Record<string, string>>): CredentialHelper {
  if (!/^[\w.-]+$/.test(name))
    throw new Fault('invalid', `credential helper ${JSON.stringify(name)}: not a program's name`);
  const program = `docker-credential-${name}`;
  const ask = async (verb: string, input: string): Promise<RunResult> => {
    const path = findExecutable(program, env['PATH']);
    if (path === undefined) {
      throw new Fault('not-found', `${program}: no such program`, {
        hint: "install it, or take its name out of Docker's config.json",
      });
    }
    return run(path, [verb], { env, stdin: Buffer.from(input), timeoutMs, maxOutputBytes });
  };
  return {
    program,
    get: async (server) => readAnswer(program, await ask('get', server)),
    store: async (server, credentials) => requireSuccess(program, await ask('store', storedForm(server, credentials))),
    erase: async (server) => requireSuccess(program, await ask('erase', server)),
  };
}

function readAnswer(program: string, result: RunResult): Credentials | undefined {
  if (result.code !== 0) {
    // The helpers' own words; they have no code of their own for it.
    if (/credentials not found/i.test(result.stdout.toString())) return undefined;
    throw refusal(program, result);
  }
  let answer;
  try {
    answer = parseJsonObject(result.stdout);
  } catch {
    throw new Fault('invalid', `${program}: what it answered is not JSON`);
  }
  const [username, secret] = [textAt(answer, 'Username') ?? '', textAt(answer, 'Secret') ?? ''];
  if (secret === '') return undefined;
  return username === tokenName ? { identityToken: secret } : { username, password: secret };
}

/** What stands for a name where the secret is an identity token. */
const tokenName = '<token>';

function storedForm(server: string, credentials: Credentials): string {
  const [username, secret] =
    'identityToken' in credentials
      ? [tokenName, credentials.identityToken]
      : [credentials.username, credentials.password];
  return JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
}

function requireSuccess(program: string, result: RunResult): void {
  if (result.code !== 0 && !/credentials not found/i.test(result.stdout.toString())) throw refusal(program, result);
}

function refusal(program: string, { code, signal }: RunResult): Fault {
  return new Fault('unavailable', `${program}: it failed with ${signal ?? `exit code ${code}`}`, {
    hint: 'run it by hand to see what it says',
  });
}

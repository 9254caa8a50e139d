import { randomBytes } from 'node:crypto';
import { chmodSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../errors/index.ts';
import { makeFolders } from '../host/index.ts';
import type { Credentials } from './authorizer.ts';
import { readCredentialFile, readFields, type CredentialFile } from './credential-file.ts';
import { credentialHelper, type CredentialHelper } from './credential-program.ts';
import type { CredentialPlaces, CredentialStore } from './credential-store.ts';
import { isNameOf, serverNames } from './server-name.ts';

export function localCredentialStore(places: CredentialPlaces): CredentialStore {
  const { dockerConfig, podmanFiles, env } = places;
  const dockerFile = (): CredentialFile => readCredentialFile(dockerConfig) ?? emptyFile;
  return {
    find: async (registry, repository) => {
      for (const path of [dockerConfig, ...podmanFiles]) {
        const file = readCredentialFile(path);
        const found = file && (await findIn(file, { registry, repository, env }));
        if (found !== undefined) return found;
      }
      return undefined;
    },
    save: async (registry, credentials) => {
      const helper = helperFor(dockerFile(), registry, env);
      const [server] = serverNames(registry);
      await helper?.store(server, credentials);
      editAuths(dockerConfig, (auths) => ({
        ...without(auths, registry),
        [server]: helper ? {} : entryOf(credentials),
      }));
      return helper ? { kind: 'helper', program: helper.program } : { kind: 'file', path: dockerConfig };
    },
    remove: async (registry) => {
      const file = dockerFile();
      const helper = helperFor(file, registry, env);
      const isHelped = helper !== undefined && (await eraseAll(helper, registry));
      const isKept = Object.keys(authsOf(dockerConfig)).some((name) => isNameOf(name, registry));
      if (isKept) editAuths(dockerConfig, (auths) => without(auths, registry));
      return isHelped || isKept;
    },
  };
}

const emptyFile: CredentialFile = { auths: new Map(), credsStore: undefined, credHelpers: {} };

interface Wanted {
  readonly registry: string;
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Podman's names may have a path: the longest that the repository is below counts. */
async function findIn(file: CredentialFile, { registry, repository, env }: Wanted): Promise<Credentials | undefined> {
  const parts = repository.split('/').filter((part) => part !== '');
  const paths = parts.map((_, at) => [registry, ...parts.slice(0, parts.length - at)].join('/'));
  const byPath = paths.map((path) => file.auths.get(path)).find((each) => each !== undefined);
  if (byPath !== undefined) return byPath;
  const helper = helperFor(file, registry, env);
  for (const server of helper ? serverNames(registry) : []) {
    const found = await helper?.get(server);
    if (found !== undefined) return found;
  }
  return [...file.auths].find(([name]) => isNameOf(name, registry))?.[1];
}

function helperFor(
  { credHelpers, credsStore }: CredentialFile,
  registry: string,
  env: Readonly<Record<string, string>>,
): CredentialHelper | undefined {
  const own = serverNames(registry)
    .map((name) => credHelpers[name])
    .find((name) => name !== undefined);
  const name = own ?? credsStore;
  return name === undefined || name === '' ? undefined : credentialHelper(name, env);
}

async function eraseAll(helper: CredentialHelper, registry: string): Promise<boolean> {
  let isErased = false;
  for (const server of serverNames(registry)) {
    if ((await helper.get(server)) === undefined) continue;
    await helper.erase(server);
    isErased = true;
  }
  return isErased;
}

function entryOf(credentials: Credentials): Auth {
  if ('identityToken' in credentials) return { identitytoken: credentials.identityToken };
  const { username, password } = credentials;
  return { auth: Buffer.from(`${username}:${password}`, 'utf8').toString('base64') };
}

type Auth = Readonly<Record<string, unknown>>;
type Auths = Readonly<Record<string, Auth>>;

function authsOf(path: string): Auths {
  const auths = readFields(path)?.values['auths'];
  return typeof auths === 'object' && auths !== null ? (auths as Auths) : {};
}

function without(auths: Auths, registry: string): Auths {
  return Object.fromEntries(Object.entries(auths).filter(([name]) => !isNameOf(name, registry)));
}

/** Writes the file anew, with all else that is in it, under its own name at once and for its owner alone. */
function editAuths(path: string, edit: (auths: Auths) => Auths): void {
  const values = readFields(path)?.values ?? {};
  const content = `${JSON.stringify({ ...values, auths: edit(authsOf(path)) }, undefined, '\t')}\n`;
  makeFolders(dirname(path), 0o700);
  const target = resolved(path);
  const temporary = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: 'wx' });
    chmodSync(temporary, 0o600);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Fault('denied', `write ${path}: ${(error as NodeJS.ErrnoException).code ?? ''}`, { cause: error });
  }
}

/** Where a link leads: people keep the file elsewhere. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

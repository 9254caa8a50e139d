import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import type { TlsSettings } from '../http/index.ts';

/** Where Docker and Podman look for the certificates of a registry: in a folder with its host and port as its name. */
export const certificateRoots = ['/etc/docker/certs.d', '/etc/containers/certs.d'] as const;

type Certificates = Omit<TlsSettings, 'isVerified'>;

/**
 * What the first folder that there is for `host` has: each `*.crt` an authority, each `*.cert` with the `*.key` of its
 * name what this side shows of itself. Undefined where there is no folder, or nothing in it. Fault `invalid` where one of
 * a pair is missing.
 */
export function certificatesOf(host: string, roots: readonly string[]): Certificates | undefined {
  // A registry's name has no slash; what else it may be called is no folder's name.
  if (host.includes('/') || host.startsWith('.')) return undefined;
  for (const root of roots) {
    const folder = join(root, host);
    const names = namesIn(folder);
    if (names.length > 0) return { authorities: authoritiesIn(folder, names), identities: identitiesIn(folder, names) };
  }
  return undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(crt|cert|key)$/.test(name))
      .toSorted();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOENT', 'ENOTDIR'].includes(code)) return [];
    throw new Fault('denied', `read certificates in ${folder}: ${code}`, { cause: error });
  }
}

function authoritiesIn(folder: string, names: readonly string[]): readonly string[] {
  return names.filter((name) => name.endsWith('.crt')).map((name) => readFileSync(join(folder, name), 'utf8'));
}

function identitiesIn(folder: string, names: readonly string[]): Certificates['identities'] {
  const stems = new Set(names.flatMap((name) => /^(.*)\.(?:cert|key)$/.exec(name)?.[1] ?? []));
  return [...stems].map((stem) => {
    for (const name of [`${stem}.cert`, `${stem}.key`]) {
      if (!names.includes(name)) throw new Fault('invalid', `read certificates in ${folder}: ${name} is missing`);
    }
    const [certificate, key] = [`${stem}.cert`, `${stem}.key`].map((name) => readFileSync(join(folder, name), 'utf8'));
    return { certificate: certificate as string, key: key as string };
  });
}

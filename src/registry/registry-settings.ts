import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { countAt, fieldsOf, flagAt, objectAt, parseJsonObject, textsAt, type Fields } from '../oci/index.ts';
import { certificateRoots } from './certificate-folders.ts';

/** How registries are reached, as the person who runs the machine says it. */
export interface RegistrySettings {
  /** Spoken to without TLS, or with whatever certificate they show. */
  readonly insecure: ReadonlySet<string>;
  /** Asked before the registry itself, in this order: a host with its port, perhaps with a path. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
  /** Folders of certificates, by registry: the first that has one for it counts. */
  readonly certificateRoots: readonly string[];
  /** How long a registry may say nothing; undefined for the usual time. */
  readonly silenceMs: number | undefined;
}

const maxFileBytes = 1024 * 1024;

/**
 * Reads `{"registries": {"HOST": {"insecure": true, "mirrors": ["HOST/PATH"]}}, "certificates": ["FOLDER"], "timeoutSeconds":
 * 30}`, all of it optional; no file says nothing. Fault `invalid`.
 */
export function readRegistrySettings(path: string): RegistrySettings {
  const bytes = contentOf(path);
  if (bytes === undefined) return { insecure: new Set(), mirrors: new Map(), certificateRoots, silenceMs: undefined };
  try {
    if (bytes.length > maxFileBytes) throw new Fault('exhausted', `it is larger than ${maxFileBytes} bytes`);
    return parseRegistrySettings(bytes);
  } catch (error) {
    throw Fault.wrap(`read ${path}`, error);
  }
}

function parseRegistrySettings(bytes: Uint8Array): RegistrySettings {
  const document = parseJsonObject(bytes);
  refuseOthers(Object.keys(document.values), ['registries', 'certificates', 'timeoutSeconds'], '');
  const registries = objectAt(document, 'registries')?.values ?? {};
  const insecure = new Set<string>();
  const mirrors = new Map<string, readonly string[]>();
  for (const [registry, value] of Object.entries(registries)) {
    const fields = fieldsOf(value, `registries.${registry}`);
    refuseOthers(Object.keys(fields.values), ['insecure', 'mirrors'], `registries.${registry}.`);
    if (flagAt(fields, 'insecure') === true) insecure.add(registry);
    mirrors.set(
      registry,
      (textsAt(fields, 'mirrors') ?? []).map((mirror) => checkedMirror(mirror, fields.path)),
    );
  }
  return {
    insecure,
    mirrors,
    certificateRoots: textsAt(document, 'certificates') ?? certificateRoots,
    silenceMs: silenceAt(document),
  };
}

function silenceAt(document: Fields): number | undefined {
  const seconds = countAt(document, 'timeoutSeconds');
  if (seconds === 0 || (seconds ?? 1) > 3600) {
    throw new Fault('invalid', `timeoutSeconds is not from 1 to 3600: ${seconds}`);
  }
  return seconds === undefined ? undefined : seconds * 1000;
}

/** A misspelt setting that is passed over would not be noticed. */
function refuseOthers(names: readonly string[], known: readonly string[], path: string): void {
  const other = names.find((name) => !known.includes(name));
  if (other !== undefined) throw new Fault('invalid', `${path}${other} is no setting; there are ${known.join(', ')}`);
}

function checkedMirror(mirror: string, path: string): string {
  if (/^[A-Za-z0-9.[\]-]+(?::\d+)?(?:\/[a-z0-9._-]+)*$/.test(mirror)) return mirror;
  throw new Fault(
    'invalid',
    `${path}.mirrors: ${JSON.stringify(mirror)} is not a host with its port and perhaps a path`,
    {
      hint: 'leave out http:// or https://; a mirror without TLS needs "insecure": true under its own name',
    },
  );
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Fault('denied', `read ${path}: ${(error as NodeJS.ErrnoException).code ?? ''}`, { cause: error });
  }
}

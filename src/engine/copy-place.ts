import { Fault } from '../errors/index.ts';

/** Where an image is copied from or to. */
export type CopyPlace =
  | { readonly kind: 'registry'; readonly name: string }
  | { readonly kind: 'store'; readonly name: string }
  | { readonly kind: 'oci' | 'oci-archive'; readonly path: string; readonly tag: string | undefined }
  | { readonly kind: 'docker-archive'; readonly path: string; readonly name: string | undefined };

/**
 * A place as people write it: `docker://NAME[:TAG|@DIGEST]`, `oci:DIRECTORY[:TAG]`, `oci-archive:FILE[:TAG]`,
 * `docker-archive:FILE[:NAME[:TAG]]`, `store:NAME`. A bare name is one of the local store. A path ends at the first colon.
 */
export function parseCopyPlace(text: string): CopyPlace {
  if (text.startsWith('docker://')) return { kind: 'registry', name: present(text, text.slice('docker://'.length)) };
  const [, kind = '', rest = ''] = /^(oci|oci-archive|docker-archive|store):(.*)$/s.exec(text) ?? [];
  if (kind === '' && /^[a-z][a-z-]*:[/.]/.test(text)) throw notPlace(text);
  if (kind === '' || kind === 'store') return { kind: 'store', name: present(text, kind === '' ? text : rest) };
  const colon = rest.indexOf(':');
  const path = present(text, colon === -1 ? rest : rest.slice(0, colon));
  const name = colon === -1 ? undefined : present(text, rest.slice(colon + 1));
  if (kind === 'docker-archive') return { kind, path, name };
  return { kind: kind === 'oci' ? 'oci' : 'oci-archive', path, tag: name };
}

function present(text: string, part: string): string {
  if (part !== '') return part;
  throw notPlace(text);
}

function notPlace(text: string): Fault {
  return new Fault('invalid', `copy: ${JSON.stringify(text)} names no place`, {
    hint: 'places are docker://NAME, oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME] and store:NAME',
  });
}

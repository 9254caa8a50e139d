/** What a file is called that has no name: BuildKit's word for it. */
const unnamed = '__unnamed__';
const longestNameBytes = 255;

/** The name that ADD gives a download: the last one in the URL's path, percent signs decoded. */
export function nameInUrl(text: string): string {
  const path = URL.parse(text)?.pathname ?? '';
  try {
    return usableName(decodeURIComponent(path)) ?? unnamed;
  } catch {
    return usableName(path) ?? unnamed;
  }
}

/**
 * The name in a `Content-Disposition` header (RFC 6266), `filename*` before `filename`; undefined where it has none that
 * can be one. Of a path only the last name counts, so that no header leads anywhere.
 */
export function nameInDisposition(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 4096) return undefined;
  const [, extended] = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header) ?? [];
  const [, quoted, plain] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]+))/i.exec(header) ?? [];
  const name = (extended && decodedName(extended)) ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
  return name === undefined || name.endsWith('/') ? undefined : usableName(name);
}

function decodedName(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function usableName(path: string): string | undefined {
  const name = path.replaceAll(/\/+$/g, '').replace(/^.*\//s, '');
  // oxlint-disable-next-line no-control-regex
  const isUsable = name !== '' && name !== '.' && name !== '..' && !/[\x00-\x1f\x7f]/.test(name);
  return isUsable && Buffer.byteLength(name) <= longestNameBytes ? name : undefined;
}

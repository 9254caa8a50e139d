import { Fault } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import {
  checkLayoutMarker,
  digestMatches,
  imageLayout,
  layoutBlobPath,
  maxManifestBytes,
  parseDigest,
  parseManifest,
} from '../oci/index.ts';
import { readAll, throwIfAborted } from '../std/index.ts';
import type { LayoutFile, LayoutFiles } from './layout-files.ts';
import { archiveFiles, directoryFiles } from './layout-files.ts';
import type { BlobOptions, Remote, RemoteManifest, WaitOptions } from './remote.ts';

const maxMarkerBytes = 4096;
const containerdName = 'io.containerd.image.name';

/** The layout in a directory. `invalid` or `unsupported` if it is none. */
export function openLayoutDirectory(path: string): Promise<OciLayout> {
  return OciLayout.open(directoryFiles(path));
}

/** The layout in a tar archive (not compressed), as `writeOciArchive` makes it. `invalid` or `unsupported` if it is none. */
export async function openLayoutArchive(path: string): Promise<OciLayout> {
  return OciLayout.open(await archiveFiles(path));
}

/**
 * An OCI layout as a remote. Its entry points are fixed when it is opened; blobs are looked up when they are asked for.
 * A name is an entry's `ref.name` or its whole name; where several entries have it, the last one counts.
 */
export class OciLayout implements Remote {
  readonly name: string;
  /** What `index.json` lists, in its order. */
  readonly entries: readonly Descriptor[];
  readonly #files: LayoutFiles;

  private constructor(files: LayoutFiles, entries: readonly Descriptor[]) {
    this.name = files.name;
    this.entries = entries;
    this.#files = files;
  }

  static async open(files: LayoutFiles): Promise<OciLayout> {
    try {
      checkLayoutMarker(await readFile(files, imageLayout.marker, maxMarkerBytes));
      const index = parseManifest(await readFile(files, imageLayout.index, maxManifestBytes));
      if (index.kind !== 'index') throw new Fault('invalid', `${imageLayout.index} is no index`);
      return new OciLayout(files, index.manifests);
    } catch (error) {
      throw Fault.wrap(`open image layout ${files.name}`, error);
    }
  }

  async manifest(nameOrDigest: string, { signal }: WaitOptions): Promise<RemoteManifest> {
    const what = `${this.name}: manifest ${nameOrDigest}`;
    throwIfAborted(signal, what);
    const entry = this.entries.findLast((each) => isNamed(each, nameOrDigest));
    const digest = entry?.digest ?? digestIn(nameOrDigest);
    const file = digest && (await this.#files.find(layoutBlobPath(digest)));
    if (digest === undefined || file === undefined) throw new Fault('not-found', `${what}: not found`);
    try {
      const bytes = await readAll(file.read(0), maxManifestBytes);
      if (!digestMatches(digest, bytes)) throw new Fault('corrupt', 'its bytes are not those of its digest');
      const manifest = parseManifest(bytes, entry === undefined ? {} : { mediaType: entry.mediaType });
      return { mediaType: manifest.mediaType, digest, bytes, manifest };
    } catch (error) {
      throw Fault.wrap(what, error);
    }
  }

  async *blob(descriptor: Descriptor, options: BlobOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const what = `${this.name}: blob ${descriptor.digest}`;
    const file = await this.#find(descriptor, what);
    for await (const chunk of file.read(options.offsetBytes ?? 0)) {
      throwIfAborted(options.signal, what);
      yield chunk;
    }
  }

  async #find({ digest, size }: Descriptor, what: string): Promise<LayoutFile> {
    const file = await this.#files.find(layoutBlobPath(digest));
    if (file === undefined) throw new Fault('not-found', `${what}: not found`);
    if (file.sizeBytes !== size) throw new Fault('corrupt', `${what}: ${file.sizeBytes} bytes instead of ${size}`);
    return file;
  }
}

/** True if the entry of an `index.json` has this name, whole name or digest. */
export function isNamed({ digest, annotations = {} }: Descriptor, name: string): boolean {
  return digest === name || annotations[imageLayout.refName] === name || annotations[containerdName] === name;
}

function digestIn(text: string): Digest | undefined {
  return text.includes(':') && /^sha(256|512):[0-9a-f]+$/.test(text) ? parseDigest(text) : undefined;
}

async function readFile(files: LayoutFiles, path: string, limitBytes: number): Promise<Uint8Array> {
  const file = await files.find(path);
  if (file === undefined) throw new Fault('invalid', `there is no ${path}`);
  return readAll(file.read(0), limitBytes);
}

import { defined, type Descriptor, type Digest } from '../../oci/index.ts';
import type {
  ManifestName,
  PutManifest,
  ServedBlob,
  ServedManifest,
  StoredManifestResult,
  Upload,
} from '../../registry-server/index.ts';
import type { GarbageCollector } from '../garbage-collector.ts';
import type { Store } from '../store.ts';
import { ManifestReader, type ReadManifest } from './manifest-reader.ts';
import { pushManifest } from './push-manifest.ts';
import type { Registry, RegistryOptions } from './registry.ts';
import { RepositoryNames } from './repository-names.ts';
import { RollingLease } from './rolling-lease.ts';
import { ServedForms } from './served-forms.ts';
import { servedBlob, storedFile } from './stored-blob.ts';
import { UploadSessions } from './upload-sessions.ts';

export interface LocalRegistryOptions extends RegistryOptions {
  readonly collector: Pick<GarbageCollector, 'deleteContent'>;
}

/** The registry over one open store. */
export class LocalRegistry implements Registry {
  readonly #store: Store;
  readonly #options: LocalRegistryOptions;
  readonly #reader: ManifestReader;
  readonly #names: RepositoryNames;
  readonly #lease: RollingLease;
  readonly #uploads: UploadSessions;
  readonly #timer: NodeJS.Timeout;
  readonly #forms: ServedForms;
  /** Repositories that this registry has taken something into: when it is gone again they are empty, not unknown. */
  readonly #used = new Set<string>();
  readonly #ending = new AbortController();

  constructor(store: Store, options: LocalRegistryOptions) {
    const { images, manifests, leases } = store.state;
    this.#store = store;
    this.#options = options;
    this.#reader = new ManifestReader(store.blobs);
    this.#names = new RepositoryNames({ images, manifests, reader: this.#reader, hosts: options.hosts });
    this.#lease = new RollingLease(leases);
    this.#uploads = new UploadSessions({ ...store, holder: this.#lease });
    this.#forms = new ServedForms({
      store,
      reader: this.#reader,
      holder: this.#lease,
      compression: options.compression,
      signal: this.#ending.signal,
    });
    this.#timer = setInterval(() => this.#turn(), keptMs).unref();
  }

  repositories(): readonly string[] {
    return this.#names.list();
  }

  tags(repository: string): readonly string[] | undefined {
    const tags = this.#names.tags(repository);
    const isThere = tags.length > 0 || this.#names.pushed(repository).length > 0 || this.#used.has(repository);
    return isThere ? tags : undefined;
  }

  async manifest(repository: string, name: ManifestName): Promise<ServedManifest | undefined> {
    const known = name.kind === 'tag' ? this.#names.tagged(repository, name.tag) : this.#known(repository, name.digest);
    if (known !== undefined) {
      this.#lease.addAll(this.#reader.closure(known));
      return this.#forms.formOf(known);
    }
    if (name.kind === 'tag') return undefined;
    return this.#forms.made(name.digest) ?? this.#remade(repository, name.digest);
  }

  putManifest(repository: string, manifest: PutManifest): Promise<StoredManifestResult> {
    const { onWarning } = this.#options;
    this.#used.add(repository);
    if (this.#used.size > mostUsed) this.#used.clear();
    return pushManifest(this.#store, { repository, ...manifest }, { reader: this.#reader, onWarning });
  }

  deleteManifest(repository: string, name: ManifestName): boolean {
    const { images, manifests } = this.#store.state;
    return this.#store.state.durably(() => {
      const ids =
        name.kind === 'tag'
          ? this.#names.idsOf(repository, name.tag)
          : [...this.#names.namesOf(repository, name.digest), this.#names.digestId(repository, name.digest)];
      return ids.map((id) => [images.remove(id), manifests.remove(id)].includes(true)).includes(true);
    });
  }

  referrers(repository: string, subject: Digest): readonly Descriptor[] {
    const pushed = this.#names.pushed(repository).flatMap((digest) => this.#reader.read(digest) ?? []);
    return pushed.filter(({ manifest }) => manifest.subject?.digest === subject).map(describe);
  }

  blob(digest: Digest): ServedBlob | undefined {
    // Nobody can fill the lease with what is not here; what is here may go before it is held.
    if (storedFile(this.#store, digest) === undefined) return undefined;
    this.#lease.add(digest);
    const file = storedFile(this.#store, digest);
    return file === undefined ? undefined : servedBlob(file);
  }

  deleteBlob(digest: Digest): boolean {
    return this.#options.collector.deleteContent(digest, { despite: this.#lease.ids });
  }

  beginUpload(): Upload {
    return this.#uploads.begin();
  }

  upload(id: string): Upload | undefined {
    return this.#uploads.get(id);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#ending.abort();
    this.#uploads[Symbol.dispose]();
    this.#lease[Symbol.dispose]();
  }

  #known(repository: string, digest: Digest): Digest | undefined {
    return this.#names.has(repository, digest) ? digest : undefined;
  }

  /** A manifest that an earlier registry over this store gave out, and that is not stored: it is made again. */
  async #remade(repository: string, digest: Digest): Promise<ServedManifest | undefined> {
    for (const tag of this.#names.tags(repository)) {
      const meant = this.#names.tagged(repository, tag);
      if (meant !== undefined) await this.#forms.formOf(meant);
    }
    return this.#forms.made(digest);
  }

  #turn(): void {
    this.#uploads.expire();
    this.#lease.turn();
  }
}

/** What a client was told of is kept for one of these at least: it pulls or pushes the rest meanwhile. */
const keptMs = 30 * 60_000;

const mostUsed = 10_000;

/** As a list of referrers shows it (distribution-spec "Listing Referrers"). */
function describe({ digest, sizeBytes, manifest }: ReadManifest): Descriptor {
  const ofConfig = manifest.kind === 'image' ? manifest.config.mediaType : undefined;
  return defined({
    mediaType: manifest.mediaType,
    digest,
    size: sizeBytes,
    artifactType: manifest.artifactType ?? ofConfig,
    annotations: manifest.annotations,
  });
}

/**
 * Records that a person refers to by name: images, pushed manifests, containers, volumes.
 *
 * A **document** has an id and a name, both unique among the documents of its kind, and a body of JSON that only its
 * owner understands. It may not be lost: each change is durable when the call returns, and stands twice, as a row of
 * the database and as a small file `names/<kind>/<id>.json`, from which a damaged database is rebuilt.
 *
 * The row is what counts. A change is made under the database's write lock: first the file (temporary file, fsync,
 * rename, fsync of the folder), then the commit. So, whenever the process dies:
 *
 * - before the commit: the row is as before, the file may be one step ahead; the call never returned. {@link compare}
 *   finds it and {@link rewriteFiles} puts it back.
 * - after the commit: both are as they should be.
 *
 * A row whose file is missing or different can only stem from such a cut, or from somebody's hand.
 */
export interface Documents<Body> {
  get(id: string): Document<Body> | undefined;
  byName(name: string): Document<Body> | undefined;
  /** Those whose id begins with `prefix`, at most `limit`, by id: two are enough to see that a prefix is ambiguous. */
  withPrefix(prefix: string, limit: number): readonly Document<Body>[];
  /** All, oldest first. */
  list(): readonly Document<Body>[];

  /** Adds a document. Fault `already-exists` if its id or name is taken. */
  create(document: NewDocument<Body>): Document<Body>;

  /**
   * Makes `document` what stands under its id, whether or not something stood there. Writes nothing where it would
   * change nothing. Fault `already-exists` if another id has its name.
   */
  put(document: NewDocument<Body>): Document<Body>;

  /** Drops the document: true if there was one. */
  remove(id: string): boolean;
}

export interface NewDocument<Body> {
  /** 1…1024 characters. */
  readonly id: string;
  /** 1…1024 characters; the id where it is not given. */
  readonly name?: string;
  readonly body: Body;
}

export interface Document<Body> {
  readonly id: string;
  readonly name: string;
  readonly body: Body;
  /** Milliseconds since 1970 at which the document was first there; a `put` that changes the body sets it anew. */
  readonly createdMs: number;
}

/** The kinds of documents: the folders below `names/`. */
export type DocumentKind = 'images' | 'manifests' | 'containers' | 'volumes';

/** What an image's name stands for. The id and the name of its document are the full reference. */
export type ImageBody = SingleImageBody | ImageIndexBody;

export interface SingleImageBody {
  /** Digest of the manifest. */
  readonly manifest: string;
  /** Digest of the config: the image ID. */
  readonly config: string;
}

export interface ImageIndexBody {
  /** Digest of the index, which names the manifests of its images. */
  readonly index: string;
}

/** What was pushed to the store as to a registry. The id is the full reference, with a tag or with the digest. */
export interface ManifestBody {
  /** Its digest: of whatever a registry takes. */
  readonly manifest: string;
  /** The manifest that the image of the same name had then; without it there was no such image. */
  readonly image?: string;
}

/** The body of containers and volumes: JSON of their owners. */
export type JsonBody = Readonly<Record<string, unknown>>;

/** A document whose row and file do not agree. */
export interface Disagreement {
  readonly kind: DocumentKind;
  readonly id: string;
  /** `file-missing`: only the row is there; `row-missing`: only the file; `different`: both, unlike; `unreadable`: the file is damaged. */
  readonly problem: 'file-missing' | 'row-missing' | 'different' | 'unreadable';
}

/** What `check` needs to know and repair about documents. */
export interface DocumentRepair {
  /** Every disagreement between rows and files. */
  compare(): readonly Disagreement[];
  /** Makes the files what the rows say. */
  rewriteFiles(): void;
  /**
   * Adds a row for every readable file that has none, except where its name is taken, and says how many. This is how
   * a fresh database gets the documents of a damaged one back.
   */
  restoreRows(): number;
}

import { createRecordWriter, compareNames, type RecordWriter, type StepRecord } from '../../solver/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import { canonicalChmod, isWholeMode } from './chmod.ts';
import type { CopyPlan } from './copy-plan.ts';
import { copiedRoot, type CopyRoot } from './copy-sources.ts';
import type { SourceNode } from '../source/source-tree.ts';

/** What a record says of a file beyond what its node does. */
export interface RecordedFile {
  /** The sha256 of a regular file's content, 32 bytes. */
  readonly content: ByteString | undefined;
  /** The earlier name of the same file, of a hard link. */
  readonly linkOf: ByteString | undefined;
}

/**
 * Writes down what a COPY or ADD depends on beside what it copies to: what its words stand for, how it is written, and of
 * every file all that gets into the layer but its time. What has the same effect has the same record, however it is
 * said. Of what was fetched the identity stands for all files: a URL's content, a repository's commit; not where it came
 * from. Constant memory, whatever the number of files.
 */
export class CopyRecord {
  readonly #writer: RecordWriter = createRecordWriter();
  readonly #plan: CopyPlan;
  readonly #roots: readonly CopyRoot[];
  readonly #keepsMode: boolean;
  readonly #keepsOwner: boolean;
  #last: ByteString | undefined;

  constructor(plan: CopyPlan, roots: readonly CopyRoot[]) {
    this.#plan = plan;
    this.#roots = roots;
    const { chmod, chown, destination, excludes } = plan;
    this.#keepsMode = chmod === undefined || !isWholeMode(chmod);
    this.#keepsOwner = chown === undefined;
    this.#optional(field.chmod, chmod === undefined ? undefined : canonicalChmod(chmod));
    this.#optional(field.chown, chown === undefined ? undefined : canonicalOwner(chown));
    this.#writer.value(field.destination, bytesOf(destination));
    if (roots.some(({ identity }) => identity !== undefined)) {
      if (excludes.length > 0) this.#list(field.exclude, excludes.map(bytesOf));
      this.#fetched();
    }
    this.#writer.beginList(field.files);
  }

  /** Files come in the order of names; one that was met before, through another source, is passed over. */
  file(name: ByteString, node: SourceNode, { content, linkOf }: RecordedFile): void {
    const writer = this.#writer;
    if (this.#last !== undefined && compareNames(name, this.#last) <= 0) return;
    this.#last = name;
    writer.beginList(name);
    if (content !== undefined) writer.value(field.content, content);
    if (node.type === 'char' || node.type === 'block') {
      writer.value(field.device, `${node.rdevMajor}:${node.rdevMinor}` as ByteString);
    }
    const link = linkOf ?? node.link;
    if (link !== '') writer.value(field.link, link);
    if (this.#keepsMode) writer.value(field.mode, octal(node.mode));
    if (this.#keepsOwner) writer.value(field.owner, `${node.uid}:${node.gid}` as ByteString);
    if (node.type === 'file') writer.value(field.size, String(node.size) as ByteString);
    writer.value(field.type, (linkOf === undefined ? node.type : 'link') as ByteString);
    const { xattrs } = node;
    if (xattrs.size > 0) writer.value(field.xattrs, packed([...xattrs].flat()));
    writer.endList();
  }

  finish(): StepRecord {
    const writer = this.#writer;
    writer.endList();
    const { inlineFiles, unpacks } = this.#plan;
    if (inlineFiles.length > 0) {
      writer.beginList(field.inline);
      for (const [index, { name, content }] of inlineFiles.entries()) {
        writer.value(ordinal(index, inlineFiles.length), packed([bytesOf(name), bytesOf(content)]));
      }
      writer.endList();
    }
    writer.value(field.op, bytesOf('copy'));
    const root = copiedRoot(this.#plan, this.#roots);
    if (root !== undefined) writer.value(field.root, statusOf(root));
    this.#list(field.sources, this.#roots.map(shownRoot));
    const unpacked = this.#roots.map(({ identity }) => (identity === undefined ? unpacks.paths : unpacks.urls));
    if (this.#roots.some(({ isDirectory }, index) => !isDirectory && unpacked[index] === true)) {
      writer.value(field.unpack, bytesOf('archives'));
    }
    return writer.finish();
  }

  #fetched(): void {
    this.#writer.beginList(field.fetched);
    for (const [index, { name, identity }] of this.#roots.entries()) {
      if (identity === undefined) continue;
      this.#writer.value(`${ordinal(index, this.#roots.length)} ${name}` as ByteString, identity);
    }
    this.#writer.endList();
  }

  #optional(name: ByteString, value: string | undefined): void {
    if (value !== undefined) this.#writer.value(name, bytesOf(value));
  }

  #list(name: ByteString, values: readonly ByteString[]): void {
    this.#writer.beginList(name);
    for (const [index, value] of values.entries()) this.#writer.value(ordinal(index, values.length), value);
    this.#writer.endList();
  }
}

/** A tree has few modes: each is written out once. */
function octal(mode: number): ByteString {
  return (octals[mode] ??= mode.toString(8) as ByteString);
}

const octals: ByteString[] = [];

function statusOf({ mode, uid, gid, xattrs }: SourceNode): ByteString {
  return `${mode.toString(8)} ${uid}:${gid} ${packed([...xattrs].flat())}`.trimEnd() as ByteString;
}

/** `path/` for what is in a directory, `path` for a file, `path//name` for one that goes by another name. */
function shownRoot({ path, name, isDirectory }: CopyRoot): ByteString {
  if (isDirectory) return `${path}/` as ByteString;
  return path.slice(path.lastIndexOf('/') + 1) === name ? path : (`${path}//${name}` as ByteString);
}

/** A number stands for both, user and group. */
function canonicalOwner(chown: string): string {
  const [, user, group = user] = /^0*(\d+)(?::0*(\d+))?$/.exec(chown) ?? [];
  return user === undefined ? chown : `${user}:${group}`;
}

/** Several values as one, none of which can be taken for another. */
function packed(values: readonly ByteString[]): ByteString {
  return values.map((value) => `${value.length}:${value}`).join(' ') as ByteString;
}

/** Counts from 1. Names of list items sort as text. */
function ordinal(index: number, count: number): ByteString {
  return String(index + 1).padStart(String(count).length, '0') as ByteString;
}

const field = {
  chmod: bytesOf('chmod'),
  chown: bytesOf('chown'),
  content: bytesOf('content'),
  destination: bytesOf('destination'),
  device: bytesOf('device'),
  exclude: bytesOf('exclude'),
  fetched: bytesOf('fetched'),
  files: bytesOf('files'),
  inline: bytesOf('inline'),
  link: bytesOf('link'),
  mode: bytesOf('mode'),
  op: bytesOf('op'),
  owner: bytesOf('owner'),
  root: bytesOf('root'),
  size: bytesOf('size'),
  sources: bytesOf('sources'),
  type: bytesOf('type'),
  unpack: bytesOf('unpack'),
  xattrs: bytesOf('xattrs'),
};

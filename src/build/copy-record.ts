import { createRecordWriter, compareNames, type RecordWriter, type StepRecord } from '../solver/index.ts';
import { bytesOf, type ByteString } from '../std/index.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { CopyRoot } from './copy-sources.ts';
import type { SourceNode } from './source-tree.ts';

/** What a record says of a file beyond what its node does. */
export interface RecordedFile {
  /** The sha256 of a regular file's content, 32 bytes. */
  readonly content: ByteString | undefined;
  /** The earlier name of the same file, of a hard link. */
  readonly linkOf: ByteString | undefined;
}

/**
 * Writes down what a COPY or ADD depends on beside what it copies to: the instruction, what its words stand for, and of
 * every file all that gets into the layer but its time. Constant memory, whatever the number of files.
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
    this.#keepsMode = plan.chmod === undefined || !/^[0-7]+$/.test(plan.chmod);
    this.#keepsOwner = plan.chown === undefined;
    this.#optional('chmod', plan.chmod);
    this.#optional('chown', plan.chown);
    this.#writer.value(field.destination, bytesOf(plan.destination));
    this.#writer.beginList(field.files);
  }

  /** Files come in the order of names; one that was met before, through another source, is passed over. */
  file(node: SourceNode, { content, linkOf }: RecordedFile): void {
    const writer = this.#writer;
    if (this.#last !== undefined && compareNames(node.path, this.#last) <= 0) return;
    this.#last = node.path;
    writer.beginList(node.path);
    if (content !== undefined) writer.value(field.content, content);
    if (node.rdevMajor !== 0 || node.rdevMinor !== 0) {
      writer.value(field.device, `${node.rdevMajor}:${node.rdevMinor}` as ByteString);
    }
    const link = linkOf ?? node.link;
    if (link !== '') writer.value(field.link, link);
    if (this.#keepsMode) writer.value(field.mode, node.mode.toString(8) as ByteString);
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
    const { inlineFiles, kind, sources } = this.#plan;
    if (inlineFiles.length > 0) {
      writer.beginList(field.inline);
      for (const [index, { name, content }] of inlineFiles.entries()) {
        writer.value(ordinal(index), packed([bytesOf(name), bytesOf(content)]));
      }
      writer.endList();
    }
    writer.value(field.op, bytesOf(kind));
    this.#list(
      field.roots,
      this.#roots.map(({ name, path, isDirectory }) =>
        packed([bytesOf(isDirectory ? 'contents' : 'file'), name, path]),
      ),
    );
    this.#list(field.sources, sources.map(bytesOf));
    return writer.finish();
  }

  #optional(name: 'chmod' | 'chown', value: string | undefined): void {
    if (value !== undefined) this.#writer.value(field[name], bytesOf(value));
  }

  #list(name: ByteString, values: readonly ByteString[]): void {
    this.#writer.beginList(name);
    for (const [index, value] of values.entries()) this.#writer.value(ordinal(index), value);
    this.#writer.endList();
  }
}

/** Several values as one, none of which can be taken for another. */
function packed(values: readonly ByteString[]): ByteString {
  return values.map((value) => `${value.length}:${value}`).join(' ') as ByteString;
}

/** Names of list items sort as text. */
function ordinal(index: number): ByteString {
  return String(index).padStart(8, '0') as ByteString;
}

const field = {
  chmod: bytesOf('chmod'),
  chown: bytesOf('chown'),
  content: bytesOf('content'),
  destination: bytesOf('destination'),
  device: bytesOf('device'),
  files: bytesOf('files'),
  inline: bytesOf('inline'),
  link: bytesOf('link'),
  mode: bytesOf('mode'),
  op: bytesOf('op'),
  owner: bytesOf('owner'),
  roots: bytesOf('roots'),
  size: bytesOf('size'),
  sources: bytesOf('sources'),
  type: bytesOf('type'),
  xattrs: bytesOf('xattrs'),
};

/**
 * What an image is, read from an OCI archive (as `varve save` and `docker save` write it): its config and its flat tree,
 * in lines that people can read and compare. Layers are applied here by a few plain rules of the image specification, not
 * by the code under test.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TarParser, type TarEntry } from '../src/tar/index.ts';

export interface ImageFacts {
  /** Without times and without what is empty. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By path: type, mode, owner, size, content, link, xattrs. */
  readonly tree: ReadonlyMap<string, string>;
}

export function readImageArchive(path: string): ImageFacts {
  const members = membersOf(readFileSync(path));
  const blob = (digest: string): Buffer => contentOf(members, `blobs/${digest.replace(':', '/')}`);
  const index = JSON.parse(contentOf(members, 'index.json').toString()) as Index;
  const manifest = JSON.parse(blob(index.manifests[0]?.digest ?? '').toString()) as Manifest;
  const layers = manifest.layers.map((layer) => blob(layer.digest));
  return { config: configFacts(JSON.parse(blob(manifest.config.digest).toString()) as Config), tree: flatTree(layers) };
}

/** How a tree differs from another: `+` for what came, `~` for what changed, `-` for what went. */
export function treeChanges(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const changes: string[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [was, is] = [before.get(path), after.get(path)];
    if (was !== is) changes.push(is === undefined ? `- ${path}` : `${was === undefined ? '+' : '~'} ${path} ${is}`);
  }
  return changes;
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}
interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}
interface Config {
  readonly author?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

const comparedFields = [
  'Cmd',
  'Entrypoint',
  'Env',
  'ExposedPorts',
  'Healthcheck',
  'Labels',
  'OnBuild',
  'Shell',
  'StopSignal',
  'User',
  'Volumes',
  'WorkingDir',
];

function configFacts({ author, config = {}, history = [], rootfs }: Config): Record<string, unknown> {
  const fields = comparedFields.map((name) => [name, sorted(config[name])] as const);
  const lines = history.map(({ created_by: by = '', empty_layer: empty = false }) => {
    return `${empty ? 'empty' : 'layer'} ${by.replace(/ # buildkit$/, '')}`;
  });
  const facts = [['author', author] as const, ...fields].filter(([, value]) => !isEmpty(value));
  return { ...Object.fromEntries(facts), layers: rootfs.diff_ids.length, history: lines };
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

interface Member {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

function membersOf(tar: Buffer): readonly Member[] {
  const members: Member[] = [];
  const parser = new TarParser({
    entry: (entry) => {
      const content = Buffer.alloc(entry.size);
      members.push({ entry, content });
      return entry.size === 0 ? undefined : { write: (chunk, offset) => content.set(chunk, offset), end: () => {} };
    },
  });
  parser.write(tar);
  parser.end();
  return members;
}

function contentOf(members: readonly Member[], path: string): Buffer {
  const member = members.find(({ entry }) => entry.path === path);
  if (member === undefined) throw new Error(`the archive has no ${path}`);
  return member.content;
}

/** One file, under however many names. */
interface Node {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

function flatTree(layers: readonly Buffer[]): ReadonlyMap<string, string> {
  const tree = new Map<string, Node>();
  for (const layer of layers) applyLayer(tree, membersOf(layer));
  const names = new Map<Node, string>();
  const paths = [...tree.keys()].filter((path) => path !== '').toSorted();
  return new Map(
    paths.map((path) => {
      const node = tree.get(path) as Node;
      const first = names.get(node);
      names.set(node, first ?? path);
      return [`/${path}`, `${describe(node)}${first === undefined ? '' : ` = /${first}`}`];
    }),
  );
}

/** Whiteouts first: they act on the layers below, wherever they stand. */
function applyLayer(tree: Map<string, Node>, members: readonly Member[]): void {
  for (const { entry } of members) {
    const { folder, name } = splitPath(cleanPath(entry.path));
    if (name === '.wh..wh..opq') removeBelow(tree, folder);
    else if (name.startsWith('.wh.')) remove(tree, [folder, name.slice(4)].filter(Boolean).join('/'));
  }
  for (const { entry, content } of members) {
    const path = cleanPath(entry.path);
    if (splitPath(path).name.startsWith('.wh.')) continue;
    const merges = entry.type === 'dir' && tree.get(path)?.entry.type === 'dir';
    if (!merges) remove(tree, path);
    const linked = entry.type === 'link' ? tree.get(cleanPath(entry.link)) : undefined;
    tree.set(path, linked ?? { entry, content });
  }
}

function remove(tree: Map<string, Node>, path: string): void {
  tree.delete(path);
  removeBelow(tree, path);
}

function removeBelow(tree: Map<string, Node>, folder: string): void {
  const prefix = folder === '' ? '' : `${folder}/`;
  for (const path of tree.keys()) if (path.startsWith(prefix) && path !== '') tree.delete(path);
}

function cleanPath(path: string): string {
  return path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/');
}

function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

function describe({ entry, content }: Node): string {
  const { type, uid, gid, xattrs } = entry;
  const mode = type === 'symlink' ? '' : ` ${entry.mode.toString(8).padStart(4, '0')}`;
  const attributes = [...xattrs].map(([name, value]) => ` ${name}=${Buffer.from(value, 'latin1').toString('hex')}`);
  return `${type}${mode} ${uid}:${gid}${restText(entry, content)}${attributes.join('')}`;
}

function restText(entry: TarEntry, content: Buffer): string {
  if (entry.type === 'file') return contentText(entry, content);
  if (entry.type === 'symlink') return ` -> ${entry.link}`;
  return entry.type === 'char' || entry.type === 'block' ? ` ${entry.devMajor}:${entry.devMinor}` : '';
}

/** The time of a file is shown where somebody has set it: builds are not made that long ago. */
function contentText({ size, mtime }: TarEntry, content: Buffer): string {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return ` ${size} ${hash}${mtime.sec < 1_600_000_000 ? ` @${mtime.sec}` : ''}`;
}

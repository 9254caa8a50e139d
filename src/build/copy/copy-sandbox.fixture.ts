import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDockerfile, type Stage } from '../../dockerfile/index.ts';
import { FileLayerStore, LayerFiles, type OpenTree, type TreeNode } from '../../layer/index.ts';
import type { DiffId } from '../../oci/index.ts';
import type { RemoteSources } from '../../source/index.ts';
import { solve, type Reason, type Solved } from '../../solver/index.ts';
import { openState } from '../../state/index.ts';
import { bytesOf, showBytes, type ByteString } from '../../std/index.ts';
import { scanTar, type TarEntry } from '../../tar/index.ts';
import { BuildCache } from '../build-cache.ts';
import type { BuildPorts } from '../build-ports.ts';
import { BuildProgress } from '../build-progress.ts';
import { ImportedCaches } from '../cache/imported-caches.ts';
import { openContext } from '../context/context-tree.ts';
import type { Entitlement } from '../build-options.ts';
import { StageLowering } from '../lowering/stage-lowering.ts';
import type { StepResult } from '../step-result.ts';

/** What a build of instructions that only copy came to. */
export interface Built {
  readonly chain: readonly DiffId[];
  /** One line for each path: see `describe`. */
  readonly tree: readonly string[];
  /** For each step that was looked up: `cached`, or why it ran. */
  readonly steps: readonly string[];
  readonly reasons: readonly Reason[];
  readonly warnings: readonly string[];
}

/** A store and a context in a folder of their own. */
export class CopySandbox implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'varve-copy-'));
  readonly context = join(this.folder, 'context');
  readonly state = openState(join(this.folder, 'store'));
  readonly layers: FileLayerStore;
  now = Date.now;
  searchPath: string | undefined;
  remotes: RemoteSources = unused('remotes');

  constructor() {
    mkdirSync(this.context);
    const clock = { now: () => this.now() };
    this.layers = new FileLayerStore({
      files: new LayerFiles(join(this.folder, 'store')),
      records: this.state.layers,
      clock,
    });
  }

  /** Makes the context with a shell, umask 022. */
  shell(script: string): void {
    const { status, stderr } = spawnSync('bash', ['-euc', `umask 022\n${script}`], { cwd: this.context });
    if (status !== 0) throw new Error(`make the context: ${stderr.toString()}`);
  }

  async build(text: string, options: { readonly signal?: AbortSignal } = {}): Promise<Built> {
    const { layers, state } = this;
    const signal = options.signal ?? new AbortController().signal;
    const ports = this.#ports();
    using context = openContext({ dir: this.context, dockerfile: join(this.context, 'Dockerfile') });
    const warnings: string[] = [];
    const dockerfile = parseDockerfile(text);
    using lowering = new StageLowering({
      dockerfile,
      source: { name: 'Dockerfile', text },
      build: { ...buildDefaults, context: { kind: 'directory', path: this.context }, signal },
      ports,
      bases: unused('bases'),
      platform: ports.platform,
      cacheRules: { allow: () => true },
      named: { find: async () => undefined },
      context: async () => context.source(ports),
      scope: 'test',
      onOutput: () => undefined,
      onWarning: (_, message) => void warnings.push(message),
    });
    const target = await lowering.target(dockerfile.stages.at(-1) as Stage);
    const steps: string[] = [];
    const reasons: Reason[] = [];
    const { locks } = state;
    const progress = new BuildProgress(() => undefined, { now: () => 0 });
    const imported = new ImportedCaches({ layers, holder: ports.holder, progress });
    await using cache = new BuildCache({ records: state.cache, layers, locks, holder: ports.holder, signal, imported });
    const [solved] = (await solve([target.tip], {
      cache,
      jobs: 2,
      signal,
      onEvent: (event) => {
        if (event.kind === 'cached') steps.push('cached');
        if (event.kind !== 'started' || event.vertex.cache === 'off') return;
        steps.push(event.reason.kind);
        reasons.push(event.reason);
      },
    })) as [Solved<StepResult>];
    const { chain } = solved.result;
    return { chain, tree: this.describe(chain), steps, reasons, warnings };
  }

  describe(chain: readonly DiffId[]): readonly string[] {
    using tree = this.layers.tree(chain);
    return describe([...nodesIn(tree, bytesOf(''))]);
  }

  [Symbol.dispose](): void {
    this.state[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #ports(): BuildPorts {
    const { layers, state } = this;
    const holder = { add: () => undefined };
    return {
      images: unused('images'),
      blobs: unused('blobs'),
      pull: unused('pull'),
      pullLayout: unused('pullLayout'),
      layers,
      packer: (below) => layers.packer({ holder, below }),
      snapshotter: unused('snapshotter'),
      areas: unused('areas'),
      runner: unused('runner'),
      logFolder: join(this.folder, 'store', 'logs'),
      records: state.cache,
      stats: state.stats,
      transaction: (body) => state.transaction(body),
      locks: state.locks,
      remotes: this.remotes,
      holder,
      clock: { now: () => this.now() },
      platform: { os: 'linux', architecture: 'amd64' },
      ...(this.searchPath === undefined ? {} : { searchPath: this.searchPath }),
    };
  }
}

/** A path of a tree, as both sides of a comparison have it. */
interface DescribedNode {
  readonly path: ByteString;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly link: ByteString;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly xattrs: ReadonlyMap<ByteString, ByteString>;
  readonly identity: string;
  /** Of a file. */
  readonly content: string;
}

/** `type mode uid:gid path`, then what the type has: content, target, device, the first of its names, attributes. */
function describe(nodes: readonly DescribedNode[]): readonly string[] {
  const sorted = nodes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const firstNames = new Map<string, ByteString>();
  return sorted.map((node) => {
    const { type, mode, uid, gid, path, link, content, identity, xattrs } = node;
    const first = type === 'dir' ? undefined : firstNames.get(identity);
    firstNames.set(identity, path);
    const attributes = [...xattrs].map(([name, value]) => `${name}=${showBytes(value)}`);
    const device = type === 'char' || type === 'block' ? [`${node.rdevMajor}:${node.rdevMinor}`] : [];
    const target = link === '' ? [] : [`-> ${showBytes(link)}`];
    const other = first === undefined ? [] : [`= ${showBytes(first)}`];
    const parts = [type, mode.toString(8), `${uid}:${gid}`, showBytes(path), content, ...device, ...target, ...other];
    return [...parts.filter((part) => part !== ''), ...attributes].join(' ');
  });
}

function* nodesIn(tree: OpenTree, folder: ByteString): Generator<DescribedNode> {
  for (const name of tree.list(folder)) {
    const path = (folder === '' ? name : `${folder}/${name}`) as ByteString;
    const node = tree.lookup(path);
    if (node === undefined) continue;
    yield { path, ...node, content: contentOf(tree, path, node) };
    if (node.type === 'dir') yield* nodesIn(tree, path);
  }
}

function contentOf(tree: OpenTree, path: ByteString, { type }: TreeNode): string {
  if (type !== 'file') return '';
  return shownContent(Buffer.concat([...tree.read(path)].map((piece) => Buffer.from(piece))));
}

function shownContent(bytes: Buffer): string {
  if (bytes.length <= 40) return JSON.stringify(bytes.toString('latin1'));
  return `${bytes.length} bytes ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`;
}

/** The tree in a tar that another program has written of it, in the same form. */
export function describeTar(bytes: Buffer): readonly string[] {
  const nodes = new Map<string, DescribedNode>();
  const source = {
    size: bytes.length,
    read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
  const add = (entry: TarEntry, content: string): void => {
    const path = entry.path.replace(/^\.?\//, '') as ByteString;
    const first = entry.type === 'link' ? nodes.get(entry.link.replace(/^\.?\//, '')) : undefined;
    const own = {
      ...entry,
      rdevMajor: entry.devMajor,
      rdevMinor: entry.devMinor,
      identity: path as string,
      content,
    };
    if (path !== '' && path !== '.') nodes.set(path, { ...(first ?? own), path });
  };
  scanTar(source, {
    entry: (entry, place) => {
      const content = bytes.subarray(place.dataOffset, place.dataOffset + place.storedSize);
      add(entry, entry.type === 'file' ? shownContent(content) : '');
      return undefined;
    },
  });
  return describe([...nodes.values()]);
}

function unused(name: string): never {
  return new Proxy(
    {},
    {
      get: () => {
        throw new Error(`${name} is not used by steps that copy`);
      },
    },
  ) as never;
}

const buildDefaults = {
  contexts: new Map<string, string>(),
  tags: [],
  outputs: [],
  annotations: [],
  buildArgs: new Map<string, string>(),
  targets: [],
  platforms: [],
  cache: { off: false, offForStages: [], offForSteps: [] },
  allow: new Set<Entitlement>(),
  pull: false,
  network: 'default',
  labels: new Map<string, string>(),
  onEvent: () => undefined,
} as const;

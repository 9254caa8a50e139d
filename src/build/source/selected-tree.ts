import type { IgnoreMatcher, IgnoreScope } from '../../dockerfile/index.ts';
import type { ByteString } from '../../std/index.ts';
import type { SourceNode, SourceTree, SourceWalkOptions } from './source-tree.ts';

export interface Selection {
  /** The directory that patterns are relative to, free of symlinks. What is not below it is all there. */
  readonly root: ByteString;
  /** What one of them ignores is left out. */
  readonly matchers: readonly IgnoreMatcher[];
}

/** The tree without what is left out; itself where nothing is. */
export function selectedTree(tree: SourceTree, selection: Selection): SourceTree {
  const matchers = selection.matchers.filter((each) => !each.isEmpty);
  return matchers.length === 0 ? tree : new SelectedTree(tree, { ...selection, matchers });
}

/** A tree without what patterns leave out. A directory that is left out is there as long as something in it is. */
class SelectedTree implements SourceTree {
  readonly #tree: SourceTree;
  readonly #prefix: string;
  readonly #matchers: readonly IgnoreMatcher[];

  constructor(tree: SourceTree, { root, matchers }: Selection) {
    this.#tree = tree;
    this.#prefix = root === '' ? '' : `${root}/`;
    this.#matchers = matchers;
  }

  stat(path: ByteString): SourceNode | undefined {
    const node = this.#tree.stat(path);
    return node === undefined || this.#isLeftOut(path, node.type === 'dir') ? undefined : node;
  }

  resolve(path: ByteString): ByteString {
    return this.#tree.resolve(path);
  }

  list(path: ByteString): readonly ByteString[] {
    const prefix = path === '' ? '' : `${path}/`;
    return this.#tree.list(path).filter((name) => this.stat(`${prefix}${name}` as ByteString) !== undefined);
  }

  *walk(path: ByteString, { enter }: SourceWalkOptions = {}): Generator<SourceNode, void, undefined> {
    const levels: Level[] = [{ prefix: path === '' ? '' : `${path}/`, scope: this.#scopeOf(path), held: undefined }];
    let descend = true;
    for (const node of this.#tree.walk(path, { enter: () => descend })) {
      while (!node.path.startsWith((levels.at(-1) as Level).prefix)) levels.pop();
      const { scope: outer } = levels.at(-1) as Level;
      const isDirectory = node.type === 'dir';
      const scope = isDirectory ? this.#enter(node.path, outer) : undefined;
      const isKept = scope === undefined ? this.#isKept(node.path, outer) : isKeptBy(scope);
      if (isKept) yield* heldIn(levels);
      if (isKept) yield node;
      if (scope === undefined) continue;
      descend = isKept ? (enter?.(node) ?? true) : this.#mayContain(scope);
      if (descend) levels.push({ prefix: `${node.path}/`, scope, held: isKept ? undefined : node });
    }
  }

  read(node: SourceNode): Iterable<Uint8Array> {
    return this.#tree.read(node);
  }

  knownHash(node: SourceNode): ByteString | undefined {
    return this.#tree.knownHash(node);
  }

  remember(node: SourceNode, hash: ByteString): void {
    this.#tree.remember(node, hash);
  }

  flush(): void {
    this.#tree.flush();
  }

  #isLeftOut(path: ByteString, isDirectory: boolean): boolean {
    const relative = this.#relative(path);
    if (relative === undefined || this.#matchers.every((each) => !each.match(relative).ignored)) return false;
    if (!isDirectory || !this.#mayContain(this.#scopeOf(path))) return true;
    for (const _ of this.walk(path)) return false;
    return true;
  }

  /** Undefined for the root that patterns are relative to, and for what is not below it. */
  #relative(path: ByteString): ByteString | undefined {
    return path.startsWith(this.#prefix) && path !== '' ? (path.slice(this.#prefix.length) as ByteString) : undefined;
  }

  #scopeOf(path: ByteString): Scope {
    const names = this.#relative(path)?.split('/') ?? [];
    let scope: Scope = this.#matchers.map((each) => each.root());
    let inner = this.#prefix;
    for (const name of names) {
      scope = this.#enter(`${inner}${name}` as ByteString, scope);
      inner += `${name}/`;
    }
    return scope;
  }

  #enter(path: ByteString, outer: Scope): Scope {
    const relative = path.slice(this.#prefix.length) as ByteString;
    return this.#matchers.map((each, index) => each.enter(relative, outer[index] ?? each.root()));
  }

  #isKept(path: ByteString, outer: Scope): boolean {
    const relative = path.slice(this.#prefix.length) as ByteString;
    return this.#matchers.every((each, index) => !each.test(relative, outer[index] ?? each.root()).ignored);
  }

  #mayContain(scope: Scope): boolean {
    return this.#matchers.every((each, index) => each.mayContain(scope[index] ?? each.root()));
  }
}

/** A directory as each of the matchers sees it. */
type Scope = readonly IgnoreScope[];

function isKeptBy(scope: Scope): boolean {
  return scope.every((each) => !each.verdict.ignored);
}

/** A directory that the walk is in. */
interface Level {
  readonly prefix: string;
  readonly scope: Scope;
  /** The directory itself, as long as it is not known whether it has something that is kept. */
  held: SourceNode | undefined;
}

/** The directories that were held back, outermost first. */
function* heldIn(levels: readonly Level[]): Generator<SourceNode, void, undefined> {
  for (const level of levels) {
    if (level.held === undefined) continue;
    yield level.held;
    level.held = undefined;
  }
}

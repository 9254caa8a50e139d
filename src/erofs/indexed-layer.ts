import { Fault } from '../errors/index.ts';
import { ChildIndex } from './child-index.ts';
import { flagDead, flagHidden, flagImplied, flagOpaque, flagWhiteout, rootRow } from './entry-table.ts';
import { ImageLayout } from './image-layout.ts';
import { ImageSources } from './image-sources.ts';
import { ImageWriter } from './image-writer.ts';
import { contentBelow } from './inode-table.ts';
import type { ImageSink, LayerNeeds, LayerTar } from './layer-index.ts';
import type { LayerTree } from './layer-tree.ts';
import type { MergedTree } from './merged-tree.ts';
import { resolveLayer } from './resolved-layer.ts';

/**
 * All entries of one layer, ready to be written as an image. See `layer-index.ts`. Dispose of it when it is written or
 * not wanted: it may hold 100 MB, which the garbage collector is in no hurry to give back.
 */
export class IndexedLayer implements Disposable {
  readonly needs: LayerNeeds;
  /** True if the image is the same whatever lies below: nothing is needed. */
  readonly selfContained: boolean;
  /** True if the layer has an entry for `/`. */
  readonly describesRoot: boolean;
  readonly #tree: LayerTree;
  #written = false;

  constructor(tree: LayerTree) {
    this.#tree = tree;
    tree.table.spreadDeath();
    this.needs = countNeeds(tree);
    this.selfContained = Object.values(this.needs).every((count) => count === 0);
    this.describesRoot = !tree.table.has(rootRow, flagImplied);
  }

  /**
   * Writes the layer's image to `sink`, front to back, in chunks of at most 256 KiB. May be called once.
   *
   * `below` is what the layer lies on; undefined for the bottom layer, whose whiteouts and opaque marks vanish. Equal
   * entries on an equal `below` give equal bytes.
   *
   * Throws a Fault: `invalid` for a hard link to what is nowhere, `unsupported` for sizes beyond the format, `corrupt`
   * where the tar or a lower image contradicts itself; the sink has then seen a part that is of no use.
   */
  write(options: { readonly tar: LayerTar; readonly below?: MergedTree | undefined }, sink: ImageSink): void {
    if (this.#written) throw new Fault('internal', 'write an indexed layer twice, or after it was disposed of');
    this.#written = true;
    const tree = this.#tree;
    const { sources: content } = resolveLayer(tree, options.below);
    tree.table.seal();
    const maxMapBytes = tree.limits.maxFileMapBytes;
    const sources = new ImageSources(options.tar, tree.inodes, { sources: content, maxMapBytes });
    const layout = new ImageLayout(tree, new ChildIndex(tree.table), { sources });
    new ImageWriter(tree, layout, { sources, sink }).write({ describesRoot: !tree.table.has(rootRow, flagImplied) });
  }

  /** Gives the memory back. It cannot be written any more. */
  [Symbol.dispose](): void {
    this.#written = true;
    this.#tree.table.release();
    this.#tree.inodes.release();
  }
}

function countNeeds({ table, inodes }: LayerTree): LayerNeeds {
  const needs = { impliedParents: 0, lowerLinks: 0, whiteouts: 0, opaqueMarks: table.has(rootRow, flagOpaque) ? 1 : 0 };
  for (let row = 1; row < table.count; row += 1) {
    if (table.has(row, flagDead | flagHidden)) continue;
    if (table.has(row, flagImplied)) needs.impliedParents += 1;
    if (table.has(row, flagWhiteout)) needs.whiteouts += 1;
    if (table.has(row, flagOpaque)) needs.opaqueMarks += 1;
    if (inodes.content[table.inode[row] ?? 0] === contentBelow) needs.lowerLinks += 1;
  }
  return needs;
}

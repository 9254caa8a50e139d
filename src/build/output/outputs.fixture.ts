import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobStore, type BlobStore } from '../../blob/index.ts';
import { LocalImageStore, type ImageStore } from '../../image/index.ts';
import { FileLayerStore, LayerFiles, type LayerStore } from '../../layer/index.ts';
import type { DiffId, ImageConfig, Platform } from '../../oci/index.ts';
import { openState } from '../../state/index.ts';
import type { BuildOutput } from './build-output.ts';
import type { FinishedTarget, WrittenImage } from './finished-target.ts';
import { writeOutputs } from './write-outputs.ts';

export const amd64: Platform = { os: 'linux', architecture: 'amd64' };
export const arm64: Platform = { os: 'linux', architecture: 'arm64' };

/** A store with finished builds to write, and a folder to write them to: `using`. */
export interface OutputSandbox extends Disposable {
  readonly path: string;
  readonly images: ImageStore;
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** What standard output was given. */
  readonly stdout: Uint8Array[];
  readonly warnings: string[];
  /** A layer of what the shell script makes in an empty folder. */
  layer(script: string): DiffId;
  write(
    outputs: readonly BuildOutput[],
    target: FinishedTarget,
    signal?: AbortSignal,
  ): Promise<readonly WrittenImage[]>;
}

export function outputSandbox(): OutputSandbox {
  const path = mkdtempSync('/var/tmp/varve-outputs-');
  const root = join(path, 'store');
  mkdirSync(root, { mode: 0o700 });
  const state = openState(root);
  const layers = new FileLayerStore({ files: new LayerFiles(root), records: state.layers, clock: Date });
  const blobs = openBlobStore({ root });
  const durably = <T>(body: () => T): T => state.durably(body);
  const images = new LocalImageStore({ blobs, layers, documents: state.images, platform: amd64, durably });
  const holder = { add: () => undefined };
  const stdout: Uint8Array[] = [];
  const warnings: string[] = [];
  const ports = {
    images,
    blobs,
    layers,
    holder,
    platform: amd64,
    stdout: async (chunk: Uint8Array) => void stdout.push(Buffer.from(chunk)),
    onWarning: (message: string) => void warnings.push(message),
  };
  return {
    path,
    images,
    blobs,
    layers,
    stdout,
    warnings,
    layer: (script) => {
      using writer = layers.writer({ holder });
      writer.write(tarOfScript(path, script));
      return writer.commit().diffId;
    },
    write: (outputs, target, signal = new AbortController().signal) =>
      writeOutputs(outputs, target, { ...ports, signal }),
    [Symbol.dispose]: () => {
      state[Symbol.dispose]();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** A target of one layer, for one platform or several. */
export function finished(
  layers: readonly DiffId[],
  {
    platforms = [amd64],
    ...given
  }: Partial<Omit<FinishedTarget, 'platforms'>> & { readonly platforms?: readonly Platform[] } = {},
): FinishedTarget {
  return {
    platforms: platforms.map((platform) => ({ platform, config: configOf(platform, layers) })),
    isMulti: platforms.length > 1,
    names: [],
    annotations: [],
    ...given,
  };
}

function configOf(platform: Platform, layers: readonly DiffId[]): ImageConfig {
  return { ...platform, config: { Cmd: ['true'] }, rootfs: { type: 'layers', diff_ids: [...layers] } };
}

function tarOfScript(path: string, script: string): Buffer {
  const folder = mkdtempSync(join(path, 'tree-'));
  execFileSync('sh', ['-eu', '-c', script], { cwd: folder });
  const format = ['--format=pax', '--xattrs', '--xattrs-include=*', '--numeric-owner', '--sort=name'];
  const tar = execFileSync('tar', [...format, '-C', folder, '-cf', '-', '.'], { maxBuffer: 1 << 28 });
  rmSync(folder, { recursive: true });
  return tar;
}

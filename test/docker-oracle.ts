/** A real Docker with BuildKit, where one stands beside the repository: what its builds come to is what varve's must. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerProgram } from '../src/std/docker-peer.fixture.ts';
import { readImageArchive, type ImageFacts } from './image-archive.ts';
import { runProgram, type Ended, type RunOptions } from './test-store.ts';

export class DockerOracle implements AsyncDisposable {
  /** For archives; both sides see it under the same path. */
  readonly #folder: string;
  readonly #names = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Loads an image from an OCI archive under a name, so that both builders start from the same. */
  async load(archive: string, name: string): Promise<void> {
    const unpacked = join(this.#folder, 'load');
    mkdirSync(unpacked);
    await succeed('tar', ['-xf', archive, '-C', unpacked]);
    writeFileSync(join(unpacked, 'manifest.json'), JSON.stringify([dockerManifest(unpacked, name)]));
    await succeed('tar', ['-cf', `${unpacked}.tar`, '-C', unpacked, ...readdirSync(unpacked)]);
    await succeed(peerProgram, ['docker', 'load', '-q', '-i', `${unpacked}.tar`]);
    this.#names.add(name);
  }

  /** `docker build`, with BuildKit. RUN has the host's network, which is quicker to set up. */
  build(name: string, args: readonly string[], options: Pick<RunOptions, 'stdin'> = {}): Promise<Ended> {
    this.#names.add(name);
    const fixed = ['--progress=plain', '--provenance=false', '--network=host', '-t', name];
    return runProgram(peerProgram, ['env', 'DOCKER_BUILDKIT=1', 'docker', 'build', ...fixed, ...args], options);
  }

  async facts(name: string): Promise<ImageFacts> {
    const archive = join(this.#folder, 'saved.tar');
    await succeed(peerProgram, ['docker', 'save', '-o', archive, name]);
    return readImageArchive(archive);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runProgram(peerProgram, ['docker', 'rmi', '-f', ...this.#names]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `docker build --check`: on standard output what it found. */
export function checkWithDocker(args: readonly string[]): Promise<Ended> {
  return runProgram(peerProgram, ['docker', 'buildx', 'build', ...args]);
}

/** What `docker load` wants besides the layout. */
function dockerManifest(layout: string, name: string): object {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(layout, file), 'utf8'));
  const index = read('index.json') as { readonly manifests: readonly { readonly digest: string }[] };
  const manifest = read(blobPath(index.manifests[0]?.digest ?? '')) as {
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly digest: string }[];
  };
  return {
    Config: blobPath(manifest.config.digest),
    RepoTags: [name],
    Layers: manifest.layers.map((layer) => blobPath(layer.digest)),
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const ended = await runProgram(command, args);
  if (ended.code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ended.code}: ${ended.stderr}`);
}

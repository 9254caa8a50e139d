import { parseDockerfile, type Dockerfile } from '../../dockerfile/index.ts';
import type { StoredImage } from '../../image/index.ts';
import { formatReference, parseDigest, parseReference } from '../../oci/index.ts';
import type { BuildOptions } from '../build-options.ts';
import type { BuildPorts } from '../build-ports.ts';
import { StageLowering } from './stage-lowering.ts';

/** A Dockerfile lowered as far as it goes without anything running, every base being one made-up image. */
export interface PlannedBuild extends Disposable {
  readonly dockerfile: Dockerfile;
  readonly lowering: StageLowering;
  /** The images that were asked for, in full form. */
  readonly bases: readonly string[];
}

export function planBuild(text: string, build: Partial<BuildOptions> = {}): PlannedBuild {
  const dockerfile = parseDockerfile(text);
  const bases: string[] = [];
  const lowering = loweringOf(dockerfile, { ...buildDefaults, ...build }, bases);
  return { dockerfile, lowering, bases, [Symbol.dispose]: () => lowering[Symbol.dispose]() };
}

function loweringOf(dockerfile: Dockerfile, build: BuildOptions, bases: string[]): StageLowering {
  return new StageLowering({
    dockerfile,
    source: { name: 'Dockerfile', text: dockerfile.source },
    build,
    ports: { platform } as BuildPorts,
    platform,
    bases: {
      find: async (name) => {
        bases.push(formatReference(parseReference(name)));
        return madeUpImage;
      },
    },
    named: { find: async () => undefined },
    context: () => Promise.reject(new Error('nothing is copied here')),
    cacheRules: { allow: () => true },
    scope: '',
    onOutput: () => undefined,
    onWarning: () => undefined,
  });
}

const buildDefaults: BuildOptions = {
  context: { kind: 'directory', path: '/' },
  contexts: new Map(),
  tags: [],
  outputs: [],
  annotations: [],
  buildArgs: new Map(),
  targets: [],
  platforms: [],
  cache: { off: false, offForStages: [], offForSteps: [] },
  pull: false,
  network: 'default',
  allow: new Set(['network.host', 'security.insecure']),
  labels: new Map(),
  signal: new AbortController().signal,
  onEvent: () => undefined,
};

const platform = { os: 'linux', architecture: 'amd64' };

/** What the corpus of real Dockerfiles has in place of every base. */
const madeUpImage: StoredImage = {
  imageId: parseDigest(`sha256:${'2'.repeat(64)}`),
  manifestDigest: parseDigest(`sha256:${'3'.repeat(64)}`),
  manifest: {} as StoredImage['manifest'],
  config: {
    ...platform,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['/bin/sh'],
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [] },
  },
  chain: [],
  names: [],
  manifests: [],
  indexes: [],
  storedMs: 0,
};

import { randomBytes } from 'node:crypto';
import { send } from '../../src/http/scripted-server.fixture.ts';
import type { CraftedImage } from '../../src/image/crafted-image.fixture.ts';
import type { Digest } from '../../src/oci/index.ts';
import { sendManifest, sha256 } from '../hostile-registry.ts';
import {
  fetching,
  flood,
  freshImage,
  nothingElse,
  onConfig,
  onManifest,
  reading,
  withConfig,
  withManifest,
  type LooseManifest,
  type RegistryFault,
} from './registry-fault.ts';

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
} as const;

/** Sends whatever it is as the manifest that was asked for. */
function manifestIs(bytes: (image: CraftedImage) => string | Buffer, mediaType: string = types.manifest) {
  return onManifest((_, response, { image }) => send(response, 200, bytes(image), { 'content-type': mediaType }));
}

function textOf(image: CraftedImage): string {
  return String(image.blobs.get(image.descriptor.digest));
}

/** The manifest of a good image with one thing changed: a fault that no second try cures. */
function bad(
  title: string,
  edit: (manifest: LooseManifest) => object | string,
  {
    says,
    asks = ['pull', 'build FROM', 'copy', 'build --cache-from'],
  }: Pick<RegistryFault, 'says'> & Partial<RegistryFault>,
): RegistryFault {
  return {
    title,
    asks,
    says,
    image: () => withManifest(freshImage(), edit),
    misbehave: nothingElse,
    isHopeless: true,
  };
}

function withLayerField(field: string, value: unknown): (manifest: LooseManifest) => object {
  return (manifest) => ({
    ...manifest,
    layers: manifest.layers.map((layer, at) => (at === 1 ? { ...layer, [field]: value } : layer)),
  });
}

function deep(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

/** An index in an index, so many times. */
function nested(depth: number): CraftedImage {
  const image = freshImage();
  const blobs = new Map(image.blobs);
  let inner: { mediaType: string; digest: Digest; size: number } = { ...image.descriptor };
  for (let level = 0; level < depth; level++) {
    const document = { schemaVersion: 2, mediaType: types.index, manifests: [inner] };
    const bytes = Buffer.from(JSON.stringify(document));
    inner = { mediaType: types.index, digest: sha256(bytes) as Digest, size: bytes.length };
    blobs.set(inner.digest, bytes);
  }
  return { ...image, descriptor: inner, blobs };
}

/** An index of images that are nowhere. */
function indexOf(count: number, platform?: object): string {
  const entry = (): object => ({
    mediaType: types.manifest,
    digest: sha256(randomBytes(8)),
    size: 400,
    ...(platform && { platform }),
  });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: Array.from({ length: count }, entry),
  });
}

/** Manifests, indexes and configs. */
export const documentFaults: readonly RegistryFault[] = [
  {
    title: 'sends a manifest that is not the one of its digest',
    asks: reading,
    says: /manifest 1: what was sent is sha256:/,
    misbehave: onManifest((_, response, { image }) => {
      const headers = { 'docker-content-digest': image.descriptor.digest };
      sendManifest(response, Buffer.from(`${textOf(image)} `), headers);
    }),
  },
  {
    title: 'sends a manifest of 100 MB',
    asks: reading,
    says: /manifest 1: .*more than the allowed 4194304 bytes/,
    misbehave: onManifest((_, response) => {
      response.writeHead(200, { 'content-type': types.manifest });
      return flood(response, ' '.repeat(65_536), 100_000_000);
    }),
  },
  {
    title: 'says that its manifest has 100 MB',
    asks: reading,
    says: /manifest 1: .*more than the allowed 4194304 bytes/,
    misbehave: onManifest((_, response) => {
      response.writeHead(200, { 'content-type': types.manifest, 'content-length': '100000000' });
      return flood(response, ' '.repeat(65_536), 100_000_000);
    }),
  },
  {
    title: 'sends a page of HTML instead of a manifest',
    asks: reading,
    says: /manifest 1: a page of HTML was sent/,
    misbehave: manifestIs(() => '<html>welcome to the hotel</html>', 'text/html; charset=utf-8'),
  },
  {
    title: 'sends JSON that is nested 100,000 deep',
    asks: reading,
    says: /manifest 1: /,
    misbehave: manifestIs(() => `{"schemaVersion":${deep(100_000)},"layers":${deep(100_000)}}`),
  },
  {
    title: 'sends a manifest with annotations that are nested 100,000 deep',
    asks: reading,
    says: /manifest 1: .*annotations/,
    misbehave: manifestIs((image) => textOf(image).replace(/\}$/, `,"annotations":{"a":${deep(100_000)}}}`)),
  },
  {
    title: 'sends a manifest that is an index too',
    asks: reading,
    says: /manifest 1: .*both an index and the manifest of an image/,
    misbehave: manifestIs((image) => textOf(image).replace(/\}$/, ',"manifests":[]}')),
  },
  {
    title: 'serves a manifest as an index',
    asks: reading,
    says: /manifest 1: .*served as .* but says that it is/,
    misbehave: manifestIs(textOf, types.index),
  },
  {
    title: 'serves the format of before 2016',
    asks: reading,
    says: /manifest 1: .*schema version is 1/,
    misbehave: manifestIs(() => '{"schemaVersion":1,"name":"app","fsLayers":[]}', 'application/json'),
  },
  {
    title: 'announces a digest that is none',
    asks: reading,
    says: /manifest 1: .*parse digest/,
    misbehave: onManifest((_, response, { image }) =>
      sendManifest(response, Buffer.from(textOf(image)), { 'docker-content-digest': 'md5:zz' }),
    ),
  },
  {
    title: 'has an index that says to hold itself',
    asks: ['pull', 'pull --all-platforms', 'build FROM', 'copy'],
    says: /what was sent is sha256:/,
    misbehave: manifestIs(
      () =>
        JSON.stringify({
          schemaVersion: 2,
          mediaType: types.index,
          manifests: [{ mediaType: types.index, digest: sha256(Buffer.from('me')), size: 300 }],
        }),
      types.index,
    ),
  },
  {
    title: 'has an index of 20,000 images that are not there',
    asks: ['pull', 'pull --all-platforms', 'build FROM', 'copy'],
    says: /not found/,
    misbehave: onManifest(({ reference }, response) => {
      if (reference.includes(':')) return false;
      return send(response, 200, indexOf(20_000), { 'content-type': types.index });
    }),
  },
  {
    title: 'has an index of 100,000 images',
    asks: reading,
    says: /more than the allowed 4194304 bytes/,
    misbehave: manifestIs(() => indexOf(100_000), types.index),
  },
  {
    title: 'has an index for 15,000 strange platforms',
    asks: ['pull', 'build FROM', 'build --cache-from'],
    says: /no image for linux\/amd64/,
    misbehave: manifestIs(() => {
      const platforms = JSON.parse(indexOf(15_000)) as { manifests: Record<string, unknown>[] };
      for (const [n, each] of platforms.manifests.entries())
        each['platform'] = { os: 'linux', architecture: `m\u001b[31m${n}` };
      return JSON.stringify(platforms);
    }, types.index),
  },
  {
    title: 'has indexes in indexes, 100 deep',
    asks: ['pull', 'pull --all-platforms', 'build FROM', 'build --cache-from'],
    says: /nested too deeply|lies in another/,
    image: () => nested(100),
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'sends a config with the wrong digest',
    asks: fetching,
    says: /blob sha256:\w+.*(what was sent is sha256:|not what its digest)/,
    misbehave: onConfig(({ bytes }, response) => send(response, 200, String(bytes).replace('amd64', 'arm64'))),
  },
  {
    title: 'sends a config of 100 MB',
    asks: fetching,
    says: /blob sha256:\w+.*more than its \d+ bytes were sent/,
    misbehave: onConfig((_, response) => flood(response, ' '.repeat(65_536), 100_000_000)),
  },
  bad(
    'has a config that is said to have 100 MB',
    (manifest) => ({ ...manifest, config: { ...manifest.config, size: 100_000_000 } }),
    { says: /config\.size: 100000000 bytes .* over the limit of 8388608/ },
  ),
  bad(
    'has a config of an unknown type that is said to have 100 MB',
    (manifest) => ({ ...manifest, config: { ...manifest.config, mediaType: 'text/plain', size: 100_000_000 } }),
    { says: /blob sha256:\w+ .*over the limit/, asks: ['pull', 'build FROM'] },
  ),
  bad(
    'has more layers than its config knows',
    (manifest) => ({ ...manifest, layers: [...manifest.layers, manifest.layers[0]] }),
    { says: /3 layers in the manifest, 2 in the config/, asks: ['pull', 'build FROM'] },
  ),
  bad('has a layer of negative size', withLayerField('size', -1), { says: /layers\[1\]\.size is not a whole number/ }),
  bad('has a layer of half a byte', withLayerField('size', 0.5), { says: /layers\[1\]\.size is not a whole number/ }),
  bad('has a layer of 1e30 bytes', withLayerField('size', 1e30), { says: /layers\[1\]\.size is not a whole number/ }),
  bad('has a layer of 8 PiB', withLayerField('size', Number.MAX_SAFE_INTEGER), {
    says: /bytes were sent|cut/,
    asks: ['pull', 'build FROM', 'copy'],
  }),
  bad('has a layer without a digest', withLayerField('digest', undefined), { says: /layers\[1\]\.digest is missing/ }),
  bad('names a layer by MD5', withLayerField('digest', 'md5:00'), { says: /layers\[1\]: .*unknown algorithm md5/ }),
  bad('names a layer by a path', withLayerField('digest', 'sha256:../../../../etc/passwd'), {
    says: /layers\[1\]: .*parse digest/,
  }),
  bad('has an encrypted layer', withLayerField('mediaType', 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted'), {
    says: /layer sha256:\w+ is encrypted/,
    asks: ['pull', 'build FROM'],
  }),
  bad(
    'has a layer of Windows',
    withLayerField('mediaType', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
    { says: /not to be had from the registry/, asks: ['pull', 'build FROM'] },
  ),
  bad('has a layer that is said to be elsewhere', withLayerField('urls', ['file:///etc/passwd', 'not a url']), {
    says: /urls: not a URL/,
  }),
  {
    title: 'has a chart for Kubernetes instead of an image',
    asks: ['pull', 'build FROM'],
    says: /it is no image but something else: application\/vnd\.cncf\.helm/,
    image: () =>
      withManifest(
        withConfig(freshImage(), () => ({ name: 'chart' })),
        (manifest) => ({
          ...manifest,
          config: { ...manifest.config, mediaType: 'application/vnd.cncf.helm.config.v1+json' },
        }),
      ),
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has annotations that are control characters, and a field nested 50,000 deep',
    asks: ['manifest inspect', 'pull'],
    says: undefined,
    image: () =>
      withManifest(freshImage(), (manifest) =>
        JSON.stringify({ ...manifest, annotations: { evil: '\u001b[2J\u009b31m\u007f' } }).replace(
          /\}$/,
          `,"deep":${deep(50_000)}}`,
        ),
      ),
    misbehave: nothingElse,
  },
  {
    title: 'has a config that is no config',
    asks: ['pull', 'build FROM'],
    says: /architecture is missing/,
    image: () => withConfig(freshImage(), () => ({ rootfs: {} })),
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has a config nested 100,000 deep',
    asks: ['pull', 'build FROM'],
    says: /parse image config/,
    image: () => withConfig(freshImage(), () => `{"architecture":${deep(100_000)}}`),
    misbehave: nothingElse,
    isHopeless: true,
  },
];

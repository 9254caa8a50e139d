import type { RegistryOptions } from '../engine/index.ts';
import { testStore, type TestStore } from '../engine/test-store.fixture.ts';
import { digestOf, encodeImageConfig, mediaTypes, toDiffId, type Digest } from '../oci/index.ts';
import { serveRegistry, type ServeRegistryOptions } from './serve-registry.ts';

/** A registry over a store of the test's own, and requests to it. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly at: TestStore;
  /** What it logged and warned of. */
  readonly log: string[];
  readonly send: (method: string, path: string, options?: SendOptions) => Promise<Received>;
  /** Uploads a blob in one go, and gives its descriptor. */
  readonly push: (repository: string, bytes: Uint8Array, mediaType?: string) => Promise<TestDescriptor>;
  /** Ends the registry, and keeps the store. */
  readonly stop: () => Promise<void>;
  readonly put: (repository: string, reference: string, manifest: object) => Promise<Received>;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface Received {
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly bytes: Buffer;
  readonly json: () => Record<string, unknown>;
  /** The code of the first error. */
  readonly code: () => string;
}

export interface TestDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export async function testRegistry(
  options: Partial<ServeRegistryOptions & RegistryOptions> = {},
): Promise<TestRegistry> {
  const at = await testStore();
  const log: string[] = [];
  const write = (line: string): void => void log.push(line);
  const registry = await at.engine.openRegistry({
    hosts: ['localhost:5000'],
    compression: 'uncompressed',
    onWarning: write,
    ...options,
  });
  await using made = new AsyncDisposableStack();
  made.use(at);
  const running = new AsyncDisposableStack();
  made.use(running);
  running.use(registry);
  const server = running.use(
    await serveRegistry(registry, { host: '127.0.0.1', port: 0, readOnly: false, log: write, ...options }),
  );
  const owned = made.move();
  const send = (method: string, path: string, sent: SendOptions = {}): Promise<Received> =>
    request(`http://${server.address}${path}`, method, sent);
  return {
    address: server.address,
    at,
    log,
    send,
    push: async (repository, bytes, mediaType = 'application/octet-stream') => {
      const digest = digestOf(bytes);
      const answer = await send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: bytes });
      if (answer.status !== 201) throw new Error(`push of a blob: ${answer.status} ${answer.bytes.toString()}`);
      return { mediaType, digest, size: bytes.length };
    },
    put: (repository, reference, manifest) =>
      send('PUT', `/v2/${repository}/manifests/${reference}`, {
        body: JSON.stringify(manifest),
        headers: {
          'content-type': String((manifest as Record<string, unknown>)['mediaType'] ?? mediaTypes.ociManifest),
        },
      }),
    stop: () => running.disposeAsync(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function request(url: string, method: string, { headers = {}, body }: SendOptions): Promise<Received> {
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const json = (): Record<string, unknown> => JSON.parse(bytes.toString()) as Record<string, unknown>;
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    bytes,
    json,
    code: () => (json()['errors'] as { code: string }[])[0]?.code ?? '',
  };
}

/** Pushes an image of one layer, and gives its manifest. */
export async function imageOf(
  registry: TestRegistry,
  repository: string,
  tar: Uint8Array,
  layer = tar,
): Promise<object> {
  const type = layer === tar ? mediaTypes.ociLayer : mediaTypes.ociLayerGzip;
  const config = encodeImageConfig({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: [toDiffId(digestOf(tar))] },
    history: [{ created_by: 'test' }],
  });
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await registry.push(repository, config, mediaTypes.ociConfig),
    layers: [await registry.push(repository, layer, type)],
  };
}

export function describe(manifest: object): TestDescriptor & { readonly digest: Digest } {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const mediaType = String((manifest as Record<string, unknown>)['mediaType']);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

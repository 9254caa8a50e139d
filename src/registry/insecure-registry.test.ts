import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { temporaryDirectory } from '../host/temporary-directory.fixture.ts';
import { digestOf, encodeManifest, mediaTypes, parseReference } from '../oci/index.ts';
import { RegistryClient } from './registry-client.ts';
import { opensslMissing, testAuthority } from './test-authority.fixture.ts';

const manifest = encodeManifest({
  kind: 'image',
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, digest: digestOf('{}'), size: 2 },
  layers: [],
});
const skip = opensslMissing;
const everyRegistry = { has: () => true };

test('questions that are the first to a registry side by side all learn that it wants TLS', { skip }, async () => {
  await using server = await tlsServer({ host: '127.0.0.1', port: 0 });
  using client = new RegistryClient({ userAgent: 'varve/test' });
  const remote = client.repository(parseReference(`${server.host}/app`));
  const found = await Promise.all(['1', '2', '3', '4', '5', '6'].map((tag) => remote.manifest(tag, {})));
  assert.deepEqual(
    found.map(({ digest }) => digest),
    found.map(() => digestOf(manifest)),
  );
});

test(
  'an insecure registry without a port may have TLS alone',
  { skip: skip || (process.getuid?.() !== 0 && 'needs root, for port 443') },
  async () => {
    await using server = await tlsServer({ host: '127.0.0.77', port: 443 });
    using client = new RegistryClient({ userAgent: 'varve/test', insecureRegistries: everyRegistry });
    const remote = client.repository(parseReference('127.0.0.77/app'));
    assert.equal((await remote.manifest('1', {})).digest, digestOf(manifest));
    assert.equal(server.host, '127.0.0.77:443');
    const nobody = client.repository(parseReference('127.0.0.78/app'));
    await assert.rejects(nobody.manifest('1', {}), /127\.0\.0\.78.*ECONNREFUSED/);
  },
);

test('a certificate that nobody vouches for: the hint says what can be done', { skip }, async () => {
  await using server = await tlsServer({ host: '127.0.0.1', port: 0 });
  const name = server.host.replace('127.0.0.1', '0.0.0.0');
  using client = new RegistryClient({ userAgent: 'varve/test' });
  await assert.rejects(client.repository(parseReference(`${name}/app`)).manifest('1', {}), (error) => {
    assert.ok(Fault.is(error, 'unavailable'));
    assert.ok((error.hint ?? '').includes(`/etc/docker/certs.d/${name}/`));
    assert.match(error.hint ?? '', /--tls-verify=false/);
    return true;
  });
});

interface TlsServer extends AsyncDisposable {
  readonly host: string;
}

/** Gives the manifest to whoever asks, over TLS with a certificate that nobody knows. */
async function tlsServer({ host, port }: { readonly host: string; readonly port: number }): Promise<TlsServer> {
  using folder = temporaryDirectory('/tmp');
  const { certificate, key } = testAuthority(folder.path).server;
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_, response) => {
    response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    host: `${host}:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

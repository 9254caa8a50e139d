import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { digestOf, imageLayers, mediaTypes, parseImageConfig, parseReference, toDigest } from '../oci/index.ts';
import { readAll } from '../std/index.ts';
import { dockerRegistryMissing, startDockerRegistry } from './docker-registry.fixture.ts';
import { RegistryClient } from './registry-client.ts';
import { resolveImage } from './resolve-image.ts';
import { archiveOf, layoutBlobs, linux, sampleImage, sampleIndex } from './sample-image.fixture.ts';
import { temporaryFiles } from './temporary-files.fixture.ts';
import { readBlob, verifiedBlob } from './verified-blob.ts';

test(
  "images that skopeo pushed to Debian's docker-registry are pulled whole",
  { skip: dockerRegistryMissing },
  async (t) => {
    await using registry = await startDockerRegistry();
    using client = new RegistryClient({ userAgent: 'varve/test' });
    using files = temporaryFiles();
    const image = sampleImage(['one', 'two']);
    const arm = sampleImage(['arm'], { os: 'linux', architecture: 'arm64' });
    const index = sampleIndex([arm, image]);
    const images = [{ descriptor: index.descriptor, names: [parseReference('app:1')] }];
    const archive = files.write('app.tar', await archiveOf({ images, blobs: layoutBlobs(index.blobs) }));
    await registry.push(`oci-archive:${archive}`, 'team/app:all', { all: true });
    await registry.push(`oci-archive:${archive}`, 'team/app:docker', { docker: true });
    const remote = client.repository(parseReference(`${registry.host}/team/app`));

    await t.test('an index gives the image of each platform, byte for byte', async () => {
      for (const [each, platform] of [
        [image, linux],
        [arm, { os: 'linux', architecture: 'arm64', variant: 'v8' }],
      ] as const) {
        const found = await resolveImage(remote, 'all', { platform });
        assert.equal(found.target.digest, index.descriptor.digest);
        assert.deepEqual(found.descriptor, each.descriptor);
        const config = parseImageConfig(await readBlob(remote, found.manifest.config, { limitBytes: 10_000 }));
        assert.deepEqual(config, each.config);
        for (const { descriptor, diffId } of imageLayers(found.manifest, config)) {
          const packed = await readAll(verifiedBlob(remote, descriptor, {}), 10_000);
          assert.equal(digestOf(gunzipSync(packed)), toDigest(diffId));
        }
      }
    });

    await t.test("Docker's media types are read too", async () => {
      const found = await resolveImage(remote, 'docker', { platform: linux });
      assert.equal(found.descriptor.mediaType, mediaTypes.dockerManifest);
      const config = parseImageConfig(await readBlob(remote, found.manifest.config, { limitBytes: 10_000 }));
      assert.equal(imageLayers(found.manifest, config).length, 2);
    });

    await t.test('a blob is read from an offset', async () => {
      const [layer] = image.manifest.kind === 'image' ? image.manifest.layers : [];
      assert.ok(layer);
      const rest = await readAll(remote.blob(layer, { offsetBytes: 7 }), 10_000);
      assert.deepEqual(Buffer.from(rest), Buffer.from(image.blobs.get(layer.digest) ?? '').subarray(7));
    });

    await t.test('what is not there is not found, with the name and a hint', async () => {
      const nothing = client.repository(parseReference(`${registry.host}/no/such`));
      for (const [place, tag] of [
        [remote, 'missing'],
        [nothing, 'latest'],
      ] as const) {
        await assert.rejects(
          place.manifest(tag, {}),
          (error) =>
            Fault.is(error, 'not-found') && error.message.includes(`${place.name}: manifest ${tag}: not found`),
        );
      }
      const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf('no'), size: 2 };
      await assert.rejects(readAll(remote.blob(blob, {}), 10), (error) => Fault.is(error, 'not-found'));
    });
  },
);
